// SPDX-License-Identifier: Apache-2.0
// Unconnected sockets of the network namespace that the giver is in, for somebody outside who never enters it. One
// SOCK_SEQPACKET pair for each who asks; a wish per message, and one message with the descriptors back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

enum class SocketKind : std::uint8_t { kTcp4, kTcp6, kUdp4, kUdp6 };
inline constexpr std::size_t kSocketKinds = 4;

struct SocketWish {
  SocketKind kind = SocketKind::kTcp4;
  unsigned count = 8;  // at most kMostSockets
  bool operator==(const SocketWish&) const = default;
};
/// So many in one message; it takes 253 descriptors (SCM_MAX_FD), and our receive_message() 64.
inline constexpr unsigned kMostSockets = 32;

/// "tcp6 8"
[[nodiscard]] std::string to_text(const SocketWish& wish);
/// Nothing for what is no wish.
[[nodiscard]] std::optional<SocketWish> wish_from_text(std::string_view text);

/// Makes the sockets (non-blocking, CLOEXEC) and sends them: fewer, or none, where the kernel gives no more. An error:
/// they could not be sent.
Result<void> give_sockets(int channel, const SocketWish& wish);
/// The same from the other end: asks and waits. At least one, or an error; one with a code means that nobody is there.
[[nodiscard]] Result<std::vector<UniqueFd>> ask_for_sockets(int channel, const SocketWish& wish);

/// Gives to many, each through a channel of his own.
class SocketGiver {
 public:
  explicit SocketGiver(EventLoop& loop) : loop_(loop) {}
  /// Until its other end is closed. One too many is closed at once.
  Result<void> add(UniqueFd channel);

 private:
  struct Asker {
    UniqueFd channel;
    EventLoop::Watch watch;
  };
  void answer(Asker* asker);

  EventLoop& loop_;
  std::vector<std::unique_ptr<Asker>> askers_;
};

}  // namespace sublet::launcher
