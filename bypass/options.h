// SPDX-License-Identifier: Apache-2.0
// Socket options that go along when a socket is replaced by one of another network namespace.
#pragma once

#include <sys/socket.h>

#include <array>
#include <vector>

namespace sublet::bypass {

inline constexpr std::size_t kOptionCount = 64;

/// An option with a value that somebody chose.
struct Setting {
  int level;
  int name;
  std::array<char, 16> value;
  socklen_t size;
};
/// The name of a congestion control, as TCP_CONGESTION has it.
using CongestionControl = std::array<char, 16>;
[[nodiscard]] CongestionControl congestion_control(int socket);
/// Sets them, as far as the socket takes them.
void set_all(const std::vector<Setting>& settings, int socket);

/// What a socket has that nobody touched, on this kernel. Options that the kernel does not know are left out.
class OptionDefaults {
 public:
  /// `domain`: AF_INET or AF_INET6; `type`: SOCK_STREAM (TCP) or SOCK_DGRAM (UDP).
  explicit OptionDefaults(int domain, int type = SOCK_STREAM);
  /// Gives `to` every option in which `from` differs from the defaults, with its file flags (O_NONBLOCK, O_ASYNC) and
  /// their signal's receiver. 0, or the errno of the first that `to` does not take.
  [[nodiscard]] int copy(int from, int to) const;
  /// What accepted sockets get from this listener (sk_clone_lock(), net/core/sock.c) that a new one does not have.
  /// `usual`: of the listener's namespace, as each has a default of its own.
  [[nodiscard]] std::vector<Setting> inherited(int listener, const CongestionControl& usual) const;

 private:
  struct Value {
    bool known = false;
    int value = 0;
  };
  const int type_;
  std::array<Value, kOptionCount> values_{};
};

/// Those of all kinds of sockets that are replaced.
class AllDefaults {
 public:
  [[nodiscard]] const OptionDefaults& of(int domain, int type = SOCK_STREAM) const {
    if (type == SOCK_DGRAM) return domain == AF_INET ? v4_datagrams_ : v6_datagrams_;
    return domain == AF_INET ? v4_ : v6_;
  }

 private:
  const OptionDefaults v4_{AF_INET};
  const OptionDefaults v6_{AF_INET6};
  const OptionDefaults v4_datagrams_{AF_INET, SOCK_DGRAM};
  const OptionDefaults v6_datagrams_{AF_INET6, SOCK_DGRAM};
};

}  // namespace sublet::bypass
