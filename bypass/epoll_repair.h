// SPDX-License-Identifier: Apache-2.0
// Programs that put a socket into an epoll set before they connect or bind it (nginx, Boost.Asio, Netty, Envoy) would
// lose it when the socket is replaced: a registration is of a file under a number (epoll(7)). This moves it to the new
// file, with its events and data.
//
// A registration can only be changed by a table of descriptors that has the file under the very number. So the work is
// done by a thread with a table of its own (unshare(2), CLONE_FILES), which takes what it needs with pidfd_getfd(2).
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace sublet::bypass {

/// One registration, as /proc/PID/fdinfo/EPFD tells it.
struct Registration {
  int epoll = -1;   // the set's descriptor in the process
  int number = -1;  // the file's, under which it was put in
  std::uint32_t events = 0;
  std::uint64_t data = 0;
};

/// The registrations of descriptor `number` for the file with this inode in an fdinfo text ("tfd: … events: … data:
/// …"); the inode is only compared where the kernel tells it. Pure.
[[nodiscard]] std::vector<Registration> registrations_in(std::string_view fdinfo, int epoll, int number, ino_t inode);

class EpollRepair {
 public:
  [[nodiscard]] static Result<std::unique_ptr<EpollRepair>> start();
  ~EpollRepair();

  /// In this thread's process: takes `old_fd`'s file out of those sets and puts `new_fd`'s in. Both are ours. False if
  /// any could not be moved.
  [[nodiscard]] bool move(pid_t thread, const std::vector<Registration>& registrations, int old_fd, int new_fd);

 private:
  struct Job {
    pid_t thread = 0;
    const std::vector<Registration>* registrations = nullptr;
    int old_fd = -1;
    int new_fd = -1;
    bool moved = false;
  };
  EpollRepair() = default;
  void work();

  std::mutex turn_;  // one job at a time
  std::mutex mutex_;
  std::condition_variable changed_;
  Job* job_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sublet::bypass
