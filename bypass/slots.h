// SPDX-License-Identifier: Apache-2.0
// Notifications under way, in memory that outlives the broker. The kernel copies each notification right into a slot,
// so whatever moment the broker is killed at, its successor finds what was fetched and not answered: a notification
// that somebody has fetched is never handed out again, and its task would wait for ever.
//
// The memory is a memfd which the keeper holds and each broker maps. Only brokers write to it.
#pragma once

#include <linux/seccomp.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::bypass {

struct Slot {
  std::atomic<std::uint32_t> listener;  // the keeper's number of the listener, from 1 on; 0: free
  // The task's socket is non-blocking for a moment by our doing (connect_now()); a successor puts that right.
  std::atomic<std::uint32_t> made_nonblocking;
  // The task has been given its new socket under this number less one, and not been told.
  std::atomic<std::uint32_t> given;
  std::uint32_t reserved;
  seccomp_notif notification;  // id 0: nothing fetched yet
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

class Slots {
 public:
  /// As many calls may wait at once; each watched container and each exec takes one more.
  static constexpr std::size_t kCount = 16384;

  /// The memory, all free (and all unused: pages come with use).
  [[nodiscard]] static Result<UniqueFd> create_memory();
  /// Maps it. Slots that a broker before us left are not free until adopt() has seen their listener, or drop_unknown().
  [[nodiscard]] static Result<Slots> map(int memory);

  Slots(Slots&& other) noexcept;
  Slots& operator=(Slots&&) = delete;
  ~Slots();

  /// A zeroed slot for that listener; nullptr if all are in use.
  [[nodiscard]] Slot* take(std::uint32_t listener);
  void give_back(Slot* slot);

  /// What the broker before us had fetched from this listener.
  [[nodiscard]] std::vector<Slot*> adopt(std::uint32_t listener);
  /// Frees what the broker before us had fetched from listeners that are no more: what nobody adopted. To be called
  /// once, when all listeners are known.
  void drop_unknown();

 private:
  explicit Slots(Slot* slots);
  Slot* slots_;
  std::mutex mutex_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> left_;  // by the broker before us, and not adopted yet
};

}  // namespace sublet::bypass
