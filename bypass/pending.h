// SPDX-License-Identifier: Apache-2.0
// Connects that are under way while their threads wait for them (blocking sockets). One thread for all of them: it ends
// each when the socket is ready, when its SO_SNDTIMEO is over, or when a signal asks the thread away, as connect(2)
// would.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/endpoint.h"
#include "bypass/pod.h"
#include "bypass/slots.h"

namespace sublet::bypass {

/// connect(2) without waiting, whatever the file's mode is (which other threads may see changed for a moment). 0 or an
/// errno: EINPROGRESS, EALREADY: it is under way. `waits`: would the program have waited? `slot`: where it is noted
/// that the mode is changed, if the program has the file, too.
[[nodiscard]] int connect_now(int fd, const RawAddress& to, bool& waits, Slot* slot);
/// Puts a file's mode right that a broker died over.
void mend_mode(int fd, Slot& slot);

struct PendingConnect {
  Slot* slot = nullptr;
  int listener = -1;           // stays open as long as the broker knows the listener
  std::shared_ptr<void> keep;  // what keeps it open
  std::shared_ptr<Pod> pod;
  UniqueFd socket;  // our copy
  RawAddress to;
  bool killable = false;  // the thread does not notice signals by itself
  bool ours = false;      // a host's socket: counted
  int late = 0;           // what a program is told that waits no longer (SO_SNDTIMEO)
};

/// When a call on this socket gives up, by its time limit (SO_SNDTIMEO, SO_RCVTIMEO); max(): never.
[[nodiscard]] std::chrono::steady_clock::time_point deadline_of(int socket, int option);

/// The kernel's own value for «interrupted; do it again if the handler says so» (include/linux/errno.h). As a
/// notification's answer it does what it does inside: the thread has a signal to take, and then either gets EINTR or,
/// by SA_RESTART, makes the call again. A thread without a signal would be given the number itself.
inline constexpr int kRestart = 512;  // ERESTARTSYS

class Pending {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Pending>> start(Slots& slots);
  ~Pending();

  /// Takes over: answers the slot's notification and gives the slot back.
  void add(PendingConnect connect);

 private:
  struct Entry {
    PendingConnect connect;
    std::chrono::steady_clock::time_point deadline;  // max(): none
    bool maybe_signalled = false;                    // when last looked at
  };
  explicit Pending(Slots& slots) : slots_(slots) {}
  void work();
  /// How it ends, once it does: 0, an errno, or kNobody.
  [[nodiscard]] static std::optional<int> look(Entry& entry, bool ready, bool patrol);
  void finish(std::size_t index, int error);

  Slots& slots_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<PendingConnect> added_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Entry>> entries_;  // of the thread alone
  std::thread thread_;
};

/// Is there a signal for this thread that would interrupt its call? By the text of /proc/TID/status: pending, neither
/// blocked nor ignored. One for the whole process counts only for the thread that the kernel prefers, the first
/// (complete_signal(), kernel/signal.c); and not surely there, as a thread that runs may be about to take it. Pure.
enum class Signalled : std::uint8_t { kNone, kMaybe, kYes };
[[nodiscard]] Signalled signalled(std::string_view status);
/// The same of a thread as it is now.
[[nodiscard]] Signalled signalled(pid_t thread);

}  // namespace sublet::bypass
