// SPDX-License-Identifier: Apache-2.0
// What is done about each call that a listener hands over. One object per listener thread. The rules:
// - An address is copied once, checked for still being asked for, and acted on by us: never is a connect, bind or
// listen of
//   an INET socket left to be done by the kernel from the program's memory (that memory can change in between).
// - What cannot be decided is done as the pod would have done it.
// - Each handler may be run again for the same notification by the broker's successor.
#pragma once

#include <memory>
#include <optional>

#include "bypass/accepting.h"
#include "bypass/listener.h"
#include "bypass/pending.h"
#include "bypass/pod.h"
#include "bypass/socket_kind.h"
#include "bypass/swap.h"
#include "bypass/target.h"
#include "bypass/tools.h"

namespace sublet::bypass {

class Calls {
 public:
  struct Listener {
    std::uint32_t number;
    int fd;
    bool killable;
    bool datagrams;              // connected UDP sockets become the host's, too
    std::shared_ptr<void> keep;  // keeps fd open
    std::shared_ptr<Pod> pod;
  };
  Calls(Tools& tools, Listener listener);

  /// Answers the slot's notification, or sees to its being answered later. The slot is not the caller's any more.
  /// `again`: a broker before us may have done a part of it.
  void handle(Slot* slot, bool again = false);
  /// Puts right what a broker before us was at when it died; of all slots before the first is handled.
  void mend(Slot& slot);

 private:
  struct Request {
    Slot* slot;
    std::uint64_t id;
    pid_t thread;
    bool again;
    std::array<std::uint64_t, 6> arguments;
    [[nodiscard]] int number() const { return static_cast<int>(arguments[0]); }
  };

  // What becomes of a request. It is done by handle() when no copy of the program's descriptors is left with us: the
  // program's own close shall be the last one, which sends, lingers, frees a port and takes out of epoll sets.
  struct Ending {
    enum class Kind : std::uint8_t { kReply, kPass, kTaken } kind;
    int error = 0;
    int value = 0;
  };
  static Ending reply(int error) { return {Ending::Kind::kReply, error}; }
  static Ending pass() { return {Ending::Kind::kPass}; }
  // Answered, or nobody waits any more, and the slot is free; or it is Pending's.
  static Ending taken() { return {Ending::Kind::kTaken}; }
  void end(const Request& request, Ending ending);

  [[nodiscard]] Ending what(const Request& request, const seccomp_data& call);
  [[nodiscard]] Ending on_socketcall(const Request& request, const seccomp_data& call);
  [[nodiscard]] Ending on_socket(const Request& request);
  [[nodiscard]] Ending on_connect(const Request& request);
  [[nodiscard]] Ending on_bind(const Request& request);
  [[nodiscard]] Ending on_listen(const Request& request);
  [[nodiscard]] Ending on_accept(const Request& request);
  [[nodiscard]] Ending on_foreign(const Request& request, Reason reason);
  // Datagrams: datagrams.cc.
  [[nodiscard]] Ending on_sendto(const Request& request);
  /// A connect of a socket of the pod's, if it makes it the host's.
  [[nodiscard]] std::optional<Ending> make_hosts(const Request& request, int socket, int domain, const RawAddress& to);
  /// A connect of a socket that has become the host's already.
  [[nodiscard]] Ending connect_datagrams(const Request& request, int socket, int domain, const RawAddress& to);
  /// A socket of the pod's with the options and the peer of a host's; empty: errno.
  [[nodiscard]] UniqueFd as_pods(int socket, int domain);
  [[nodiscard]] Reason way_of_datagrams(const Endpoint& to);
  [[nodiscard]] Ending connect(const Request& request, UniqueFd socket, const RawAddress& to, bool ours);

  [[nodiscard]] UniqueFd host_socket(int domain, int type = SOCK_STREAM);
  /// 0 or an errno. `at`: the number of the argument that points to it; the next one is its length.
  [[nodiscard]] int copy_address(const Request& request, RawAddress& address, std::size_t at = 1);
  /// A socket of the pod's with the old one's options; empty: errno.
  [[nodiscard]] UniqueFd pod_socket(int old_fd, int domain, int type = SOCK_STREAM);
  /// Puts it in the old one's place; otherwise how that ends.
  [[nodiscard]] std::optional<Ending> put_in_place(const Request& request, int old_fd, int new_fd, Reason reason);
  [[nodiscard]] const PolicyFacts& policy();
  [[nodiscard]] bool is_hosts(const SocketKind& kind) const;

  // What accepts were made on lately, by SO_COOKIE: which of the pod's ports, if any.
  struct Known {
    std::uint64_t cookie = 0;
    int domain = -1;
    std::uint16_t port = 0;
  };
  /// nullptr: it is not at a door.
  [[nodiscard]] std::shared_ptr<Door> door_of(int socket, Known& known);

  Tools& tools_;
  Listener listener_;
  std::array<Known, 16> known_{};
  Pidfds pidfds_;
  DescriptorScan scan_;
  std::shared_ptr<const PolicyFacts> policy_;
  std::uint64_t policy_generation_ = 0;
};

/// The arguments of the call that a socketcall(2) stands for: `words` as read from memory. Pure.
[[nodiscard]] std::array<std::uint64_t, 6> widen(const std::array<std::uint32_t, 4>& words);

}  // namespace sublet::bypass
