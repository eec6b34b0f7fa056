// SPDX-License-Identifier: Apache-2.0
// What became of a pod's sockets and connections. Counted by many threads, read by any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "bypass/policy.h"

namespace sublet::bypass {

struct Counters {
  std::atomic<std::uint64_t> sockets{0};      // made as the host's
  std::atomic<std::uint64_t> connections{0};  // begun on such a socket
  std::atomic<std::uint64_t> datagrams{0};    // UDP sockets that were connected as the host's
  std::atomic<std::uint64_t> failed{0};       // of those, refused, unreachable, timed out at once
  // Of connections that the host took for it (doors.h):
  std::atomic<std::uint64_t> handed{0};   // into an accept
  std::atomic<std::uint64_t> relayed{0};  // accepted without us, and given back to be relayed
  std::atomic<std::uint64_t> refused{0};  // nobody listened
  std::atomic<std::uint64_t> lost{0};     // the listener went away before they were taken
  std::atomic<std::uint64_t> waiting{0};  // at this moment
  /// Sockets that are the pod's instead, by reason (kNone unused).
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Reason::kCount)> left{};

  void count(std::atomic<std::uint64_t>& which) { which.fetch_add(1, std::memory_order_relaxed); }
  void count(Reason reason) { count(left[static_cast<std::size_t>(reason)]); }
};

}  // namespace sublet::bypass
