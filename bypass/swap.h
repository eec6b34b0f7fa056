// SPDX-License-Identifier: Apache-2.0
// Replaces a descriptor of a blocked thread by another socket, so that the program can't tell: options, file flags,
// copies of the descriptor in the same process, and epoll registrations go along.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bypass/epoll_repair.h"
#include "bypass/target.h"

namespace sublet::bypass {

/// Where else in its process a socket is.
struct Whereabouts {
  struct Copy {
    int number = -1;
    bool cloexec = false;
  };
  std::vector<Copy> copies;                 // descriptor numbers of the same file, the one asked about too
  std::vector<Registration> registrations;  // of all of those
};

/// Looks through the process's descriptors. Those of large tables (`kScanLimit`) are not looked through for copies, and
/// their epoll sets are remembered for a while: that scan would cost more than the connection.
class DescriptorScan {
 public:
  static constexpr int kScanLimit = 512;
  /// `inode`: of the socket. `number`: where it is.
  [[nodiscard]] Whereabouts find(pid_t thread, int number, ino_t inode);

 private:
  // What stays open of a thread's part of /proc. Of one that has ended it tells nothing any more, whoever has its
  // number now.
  struct Table {
    pid_t thread = 0;
    UniqueFd links;    // /proc/TID/fd
    UniqueFd details;  // /proc/TID/fdinfo
    std::vector<int> numbers;
    std::vector<int> epolls;
    std::int64_t seen_ms = 0;  // of a large one
  };
  [[nodiscard]] static Table open(pid_t thread);
  [[nodiscard]] static bool look(Table& table, int number, ino_t inode, Whereabouts& found);

  std::array<Table, 8> known_;
};

struct SwapTarget {
  int listener;
  std::uint64_t id;
  pid_t thread;
  int number;
};

enum class SwapResult { kDone, kGone, kChanged, kFailed };

/// Puts `new_fd` where `old_fd` (our copy of the thread's descriptor `number`) is. Options must have been copied.
/// kGone: the thread does not wait any more; kChanged: the descriptor is another file by now (the program plays games);
/// kFailed: errno tells. In all three nothing was replaced.
[[nodiscard]] SwapResult swap_fd(const SwapTarget& target, int old_fd, int new_fd, DescriptorScan& scan,
                                 EpollRepair& repair, Pidfds& pidfds);

}  // namespace sublet::bypass
