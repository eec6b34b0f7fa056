// SPDX-License-Identifier: Apache-2.0
// The way into a pod: connections that the host has taken for a port of a pod are handed to whoever accepts there. The
// pod's listener stays where it is, in the pod's network namespace; for each connection a socket of that namespace, the
// doorbell, connects to it, so that accept, poll, select and epoll wake up as ever. The accept that finds a doorbell
// gets the host's connection instead (bypass/accepting.h), with the client's true address.
//
// What this asks of the host's side: sockets that listen are AF_INET6 and serve IPv4 as well (IPV6_V6ONLY off), as long
// as the host has IPv6: a listener of IPv6 in the pod gets its connections as they are, one of IPv4 gets them turned
// (IPV6_ADDRFORM), and there is no way to turn them back. guard() was called for them before listen(2).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/endpoint.h"
#include "bypass/pod.h"
#include "bypass/pod_sockets.h"

namespace sublet::bypass {

class Doors {
 public:
  enum class Outcome : std::uint8_t {
    kHanded,   // a program has it
    kRefused,  // nobody listens there: the connection comes back
    kLost,     // the listener or the pod went away before it was taken: the connection comes back
    kRelay,    // its doorbell was accepted without us: both come back, to be joined by a relay. Nothing was sent yet.
  };
  /// Called once, from any thread, never from inside knock(), with no lock held that knock() would need.
  using Done = std::function<void(Outcome, UniqueFd connection, UniqueFd doorbell)>;

  /// A connection that has been knocked with, until somebody accepts it.
  struct Waiting {
    Endpoint at;
    UniqueFd connection;
    Done done;
    // One of the pod's own that was accepted, but could not be given: it goes to the next who accepts, without `done`.
    bool native = false;
    // It goes with the bell that it was rung with, as that may have to carry it: never ahead of it, see next().
    bool alone = false;
    int domain = 0;        // of the connection
    bool is_safe = false;  // to be given to a program, see guard()
    // What goes from one to the next with the bell.
    Bell bell;
    bool is_heir = false;     // the bell was another's before
    bool in_ring = false;     // it is being rung: nobody but who does that may close it
    bool has_spoken = false;  // the bell, see Rung::kDeferred: no relay may use it any more
    std::chrono::steady_clock::time_point look;
    std::chrono::milliseconds pause{0};
  };
  /// Who asks for a connection: the thread, and the socket that it accepts on (SO_COOKIE).
  struct Acceptor {
    pid_t thread = 0;
    std::uint64_t listener = 0;
    bool operator==(const Acceptor&) const = default;
  };

  // Whoever accepts does so long before the first look; who does not may take his time.
  static constexpr std::chrono::milliseconds kFirstLook{4};
  [[nodiscard]] static Result<std::unique_ptr<Doors>> start(PodSockets& sockets,
                                                            std::chrono::milliseconds first_look = kFirstLook);
  ~Doors();
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  /// Connections for this port of the pod may come from now on: accepts there are the broker's to answer.
  void open(const std::shared_ptr<Pod>& pod, std::uint16_t port);
  /// None come any more. Those that wait are still handed over.
  void close(const std::shared_ptr<Pod>& pod, std::uint16_t port);

  /// Hands a host's established connection to whoever accepts at `at` (the pod's address and port). False: there is no
  /// such door, or as many wait there as its listener's backlog bears: not taken. There is room again once some Done of
  /// that door has been called.
  [[nodiscard]] bool knock(const std::shared_ptr<Pod>& pod, const Endpoint& at, UniqueFd& connection, Done done);

  /// The pod is gone: whatever waits there is lost.
  void forget(const std::shared_ptr<Pod>& pod);

  /// For a host's socket that will listen on behalf of pods, before listen(2): what it accepts can never be made into a
  /// connection to somewhere else, whatever a program does with it (connect(2) with AF_UNSPEC, and then anew). It is a
  /// socket filter without SYN+ACK, locked; accepted sockets inherit both. Some kernels have this for the privileged
  /// only, which is no error here: connections are then bound to the device they came by, and those of clients on this
  /// host's 127.0.0.1 and ::1 are given back to be relayed.
  [[nodiscard]] static Result<void> guard(int listener);

  /// A listen(2) of the pod has succeeded.
  static void listens(Pod& pod, int socket, Listening how);

  // For those who answer (accepting.h).
  /// Called from any thread when somebody waits at a door whose program waits for us, without a bell: it only has to be
  /// answered. Before the first knock.
  void when_awaited(std::function<void()> call) { awaited_ = std::move(call); }
  /// nullptr: there is none, and what is accepted there is the pod's own affair.
  [[nodiscard]] static std::shared_ptr<Door> find(Pod& pod, std::uint16_t port);
  /// Somebody accepts there, and is going to look into the listener's queue, unless next() has something. With the
  /// door's mutex held, like the next two.
  static void comes(Door& door, const Acceptor& who);
  /// The connection that may be given without looking: others wait behind it, for whom its bell goes on ringing.
  [[nodiscard]] std::optional<Waiting> next(Pod& pod, Door& door, const Acceptor& who);
  /// Is this accepted connection, from there, a doorbell of ours? Then it waits no longer.
  [[nodiscard]] std::optional<Waiting> answered(Pod& pod, Door& door, const Acceptor& who, const Endpoint& from);
  /// Rings for those who have nobody left that does. To be called after answered().
  void ring_for_next(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door);
  /// Lets it wait once more, as whoever accepted it could not be given it.
  void ring_again(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door, Waiting waiting);
  /// Its doorbell has done its work, and the program has its answer. `end`: the doorbell's other one, if we have it.
  void finish(const std::shared_ptr<Pod>& pod, Waiting waiting, Outcome outcome, UniqueFd end = UniqueFd());

 private:
  struct Ended {
    std::shared_ptr<Pod> pod;
    Waiting waiting;
    Outcome outcome;
  };
  // A bell that was answered, still connected.
  struct Answered {
    std::shared_ptr<Pod> pod;
    Bell bell;
    UniqueFd end;
  };
  Doors(PodSockets& sockets, std::chrono::milliseconds first_look) : sockets_(sockets), first_look_(first_look) {}
  // One round of those who wait.
  struct Look {
    std::chrono::steady_clock::time_point now;
    std::chrono::steady_clock::time_point next;
    std::vector<Ended> ended;
    std::vector<Waiting> to_ring;  // at the door at hand
  };
  /// See guard(). True: bound or guarded.
  [[nodiscard]] static bool secure(int connection);
  [[nodiscard]] Bell bell(const std::shared_ptr<Pod>& pod, const IpAddress& address);
  /// The errno of a bell that could not be rung; then `waiting` is as it was. `bounded`: EAGAIN if the door is full.
  [[nodiscard]] int ring_at(const std::shared_ptr<Pod>& pod, Door& door, Waiting& waiting, bool bounded);
  /// Puts it behind somebody whose bell will do, or who waits for us to answer. False: it needs a bell.
  [[nodiscard]] bool stay_behind(Pod& pod, Door& door, Waiting& waiting, bool& awaited);
  void ring_or_end(const std::shared_ptr<Pod>& pod, Door& door, Waiting waiting);
  void end_later(Ended ended);
  /// Hangs up what was answered, which takes as long as ringing does: so it is done when nobody waits for it.
  void hang_up_all();
  void work();
  void wake();
  /// Looks at those who wait. When it shall be done again.
  [[nodiscard]] std::chrono::steady_clock::time_point look_around();
  [[nodiscard]] std::optional<Outcome> look(const Pod& pod, Door& door, std::uint32_t key, Waiting& waiting);
  void look_at_door(const std::shared_ptr<Pod>& pod, Door& door, Look& at);
  void drop(const std::shared_ptr<Pod>& pod, const std::shared_ptr<Door>& door);

  PodSockets& sockets_;
  const std::chrono::milliseconds first_look_;
  std::function<void()> awaited_;
  std::atomic<bool> awake_{false};        // the thread looks around by itself
  std::atomic<std::size_t> waiting_{0};   // in all doors
  std::atomic<std::size_t> answered_{0};  // bells
  std::atomic<std::int64_t> last_knock_ms_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool woken_ = false;
  std::vector<Ended> ended_;
  std::vector<Answered> to_hang_up_;
  std::vector<std::pair<std::weak_ptr<Pod>, std::shared_ptr<Door>>> doors_;
  std::thread thread_;
};

}  // namespace sublet::bypass
