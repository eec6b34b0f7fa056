// SPDX-License-Identifier: Apache-2.0
// The host's routes, read by rtnetlink (libnl), and word of their changes. Of the namespace that the caller is in.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/policy.h"

namespace sublet::bypass {

/// Routes of the main and the local table, both families. Policy routing (ip rule) is not followed.
[[nodiscard]] Result<std::vector<HostRoute>> read_host_routes();

/// Readable when a route or an address has changed; drain() it, then read again.
class RouteWatch {
 public:
  [[nodiscard]] static Result<RouteWatch> create();
  [[nodiscard]] int fd() const { return socket_.get(); }
  void drain() const;

 private:
  explicit RouteWatch(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

/// "eth0" → its index, 0 if there is none; and back ("" then).
[[nodiscard]] int device_index(const std::string& name);
[[nodiscard]] std::string device_name(int index);

}  // namespace sublet::bypass
