// SPDX-License-Identifier: Apache-2.0
// Socket options that go along when a socket is replaced by one of another network namespace.
#pragma once

#include <array>

namespace sublet::bypass {

inline constexpr std::size_t kOptionCount = 48;

/// What a socket has that nobody touched, on this kernel. Options that the kernel does not know are left out.
class OptionDefaults {
 public:
  /// `domain`: AF_INET or AF_INET6.
  explicit OptionDefaults(int domain);
  /// Gives `to` every option in which `from` differs from the defaults, with its file flags (O_NONBLOCK, O_ASYNC) and
  /// their signal's receiver. 0, or the errno of the first that `to` does not take.
  [[nodiscard]] int copy(int from, int to) const;

 private:
  struct Value {
    bool known = false;
    int value = 0;
  };
  std::array<Value, kOptionCount> values_{};
};

}  // namespace sublet::bypass
