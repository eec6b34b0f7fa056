// SPDX-License-Identifier: Apache-2.0
// Accepts at a door (doors.h), done by us: what the listener has is taken, and the program given either that, if it is
// a connection of the pod's own, or the host's connection that the doorbell stands for. A program that waits is
// answered by a thread for all of them, when there is something, when SO_RCVTIMEO is over, or when a signal asks it
// away, as accept(2) would.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "bypass/door.h"
#include "bypass/options.h"
#include "bypass/slots.h"

namespace sublet::bypass {

struct AcceptCall {
  Slot* slot = nullptr;
  int listener = -1;           // seccomp's; stays open as long as the broker knows it
  std::shared_ptr<void> keep;  // what keeps it open
  std::shared_ptr<Pod> pod;
  std::shared_ptr<Door> door;
  UniqueFd socket;  // our copy of the one that listens
  int domain = -1;
  std::uint64_t cookie = 0;  // SO_COOKIE: which socket that is
  bool killable = false;     // the thread does not notice signals by itself
  bool parked = false;       // the socket is in the set of the thread that waits
  bool counted = false;      // among the door's parked ones
};

/// How many bytes of an address of `real` bytes a program gets that has room for `room` (move_addr_to_user(),
/// net/socket.c). Nothing: EINVAL.
[[nodiscard]] std::optional<std::size_t> shown(std::int32_t room, std::size_t real);

class Accepting {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Accepting>> start(Slots& slots, Doors& doors,
                                                                const AllDefaults& defaults);
  ~Accepting();

  /// Answers the slot's notification, now or later, and gives the slot back.
  void take(AcceptCall call);

 private:
  using Clock = std::chrono::steady_clock;
  // What was found in a listener's queue.
  struct Found {
    UniqueFd socket;  // none, if it was not looked for there
    RawAddress peer;
    std::optional<Waiting> waiting;  // it is a doorbell
    bool fits = false;               // what it stands for can be given
  };
  struct Answer {
    enum class Kind { kReply, kPass, kNone } kind = Kind::kReply;
    int error = 0;
    int value = 0;
  };
  struct Parked {
    AcceptCall call;
    Clock::time_point deadline;  // max(): none
    Clock::time_point patrol;
    std::chrono::milliseconds pause;
    bool maybe_signalled = false;
  };
  Accepting(Slots& slots, Doors& doors, const AllDefaults& defaults)
      : slots_(slots), doors_(doors), defaults_(defaults) {}

  /// Takes what is there. False: it has to wait.
  [[nodiscard]] bool attempt(AcceptCall& call);
  [[nodiscard]] int look_into(AcceptCall& call, Found& found, bool& waits);
  [[nodiscard]] int look_into_queue(AcceptCall& call, const Doors::Acceptor& who, Found& found, bool& waits);
  void give(AcceptCall& call, Found found);
  /// 0, or why a host's connection can't be given to this listener's program.
  [[nodiscard]] bool fits(const AcceptCall& call, const Waiting& waiting);
  [[nodiscard]] int fit(const AcceptCall& call, const Waiting& waiting, int connection);
  void learn(Door& door, int listener);
  [[nodiscard]] static int tell_name(const AcceptCall& call, const RawAddress& name);
  void answer(AcceptCall& call, Answer answer);
  void work();
  void wake();
  [[nodiscard]] static bool is_awaited(const AcceptCall& call);
  /// Tries once more. True: it is over.
  [[nodiscard]] bool try_again(AcceptCall& call);
  void add(std::vector<AcceptCall> calls);
  [[nodiscard]] std::optional<Answer> look_after(Parked& parked, Clock::time_point now);

  Slots& slots_;
  Doors& doors_;
  const AllDefaults& defaults_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<AcceptCall> added_;
  bool stopping_ = false;
  std::atomic<bool> awaited_{false};
  std::map<std::uint64_t, Parked> parked_;  // of the thread alone
  std::uint64_t next_ = 1;
  std::thread thread_;
};

}  // namespace sublet::bypass
