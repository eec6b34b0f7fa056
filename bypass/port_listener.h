// SPDX-License-Identifier: Apache-2.0
// A port of the host: bound as long as the object lives, and answering or refusing as told. Refusing is the kernel's
// (a SYN gets a reset), while the number stays ours.
#pragma once

#include <cstdint>

#include "base/cidr.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::bypass {

class PortListener {
 public:
  /// `wanted` 0: any number, `last` (if not 0) before others. The error says what to do about it. It refuses at first.
  [[nodiscard]] static Result<PortListener> bind(const IpAddress& address, std::uint16_t wanted, std::uint16_t last);

  /// Answers from now on, or refuses; connections that nobody accepted yet are reset then.
  Result<void> answer(bool on);
  [[nodiscard]] bool answers() const { return answers_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  PortListener(UniqueFd socket, std::uint16_t port) : socket_(std::move(socket)), port_(port) {}
  UniqueFd socket_;
  std::uint16_t port_;
  bool answers_ = false;
};

}  // namespace sublet::bypass
