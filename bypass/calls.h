// SPDX-License-Identifier: Apache-2.0
// What is done about each call that a listener hands over. One object per listener thread. The rules:
// - An address is copied once, checked for still being asked for, and acted on by us: never is a connect, bind or
// listen of
//   an INET socket left to be done by the kernel from the program's memory (that memory can change in between).
// - What cannot be decided is done as the pod would have done it.
// - Each handler may be run again for the same notification by the broker's successor.
#pragma once

#include <memory>

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
    std::shared_ptr<void> keep;  // keeps fd open
    std::shared_ptr<Pod> pod;
  };
  Calls(Tools& tools, Listener listener);

  /// Answers the slot's notification, or sees to its being answered later. The slot is not the caller's any more.
  /// `again`: a broker before us may have done a part of it.
  void handle(Slot* slot, bool again = false);

 private:
  struct Request {
    Slot* slot;
    std::uint64_t id;
    pid_t thread;
    bool again;
    std::array<std::uint64_t, 6> arguments;
    [[nodiscard]] int number() const { return static_cast<int>(arguments[0]); }
  };

  void on_socket(const Request& request);
  void on_connect(const Request& request);
  void on_bind(const Request& request);
  void on_listen(const Request& request);
  void on_foreign(const Request& request, Reason reason);

  // The ends of a request.
  void reply(const Request& request, std::int64_t value, int error);
  void pass(const Request& request);
  void connect(const Request& request, UniqueFd socket, const RawAddress& to, bool ours);

  [[nodiscard]] UniqueFd host_socket(int domain);
  /// 0 or an errno.
  [[nodiscard]] int copy_address(const Request& request, RawAddress& address);
  /// A socket of the pod's with the old one's options; empty: errno.
  [[nodiscard]] UniqueFd pod_socket(int old_fd, int domain);
  /// Puts it in the old one's place. False: it was answered or nobody waits any more.
  [[nodiscard]] bool put_in_place(const Request& request, int old_fd, int new_fd, Reason reason);
  [[nodiscard]] const PolicyFacts& policy();
  [[nodiscard]] bool is_hosts(const SocketKind& kind) const;

  Tools& tools_;
  Listener listener_;
  Pidfds pidfds_;
  DescriptorScan scan_;
  std::shared_ptr<const PolicyFacts> policy_;
  std::uint64_t policy_generation_ = 0;
};

/// The arguments of the call that a socketcall(2) stands for: `words` as read from memory. Pure.
[[nodiscard]] std::array<std::uint64_t, 6> widen(const std::array<std::uint32_t, 3>& words);

}  // namespace sublet::bypass
