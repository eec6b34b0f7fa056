// SPDX-License-Identifier: Apache-2.0
// epoll(7) for a caller that names all the descriptors it wants anew in each round, as libslirp does. Only changes
// reach the kernel, so a round's cost there depends on the descriptors that are ready, not on how many there are.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::netns {

class PollSet {
 public:
  [[nodiscard]] static Result<PollSet> create();

  void begin_round() { ++round_; }
  /// Waits for `events` (EPOLLIN …) of `fd` in this round. Once a descriptor per round.
  void want(int fd, std::uint32_t events);
  /// Descriptors that were not wanted this round are left out. `timeout_ms` -1: for ever.
  Result<void> wait(int timeout_ms);
  /// What the last wait() found, less what was not wanted; 0 if nothing, or if `fd` was forgotten since.
  [[nodiscard]] std::uint32_t ready(int fd) const;
  /// Must be called before `fd` is closed: the kernel then drops it silently, and its number is used again.
  void forget(int fd);

 private:
  struct Slot {
    std::uint32_t registered = 0;  // what epoll has; 0: nothing
    std::uint32_t wanted = 0;
    std::uint32_t ready = 0;
    std::uint64_t round = 0;
    bool known = false;  // is in known_
  };
  explicit PollSet(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  Result<void> tell_kernel();

  UniqueFd epoll_;
  std::uint64_t round_ = 0;
  std::vector<Slot> slots_;  // by descriptor
  std::vector<int> known_;   // those with a slot in use
  std::array<epoll_event, 128> found_{};
  std::size_t found_count_ = 0;
};

}  // namespace sublet::netns
