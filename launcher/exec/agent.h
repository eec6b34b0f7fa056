// SPDX-License-Identifier: Apache-2.0
// Answers the calls of the programs under one `sublet exec`. They are the user's own, on his own host: so nothing here
// is a boundary, and whatever is not surely the cluster's is done by the kernel as if never intercepted.
#pragma once

#include <linux/seccomp.h>

#include <functional>
#include <string>
#include <vector>

#include "bypass/epoll_repair.h"
#include "bypass/options.h"
#include "bypass/socket_kind.h"
#include "bypass/swap.h"
#include "bypass/target.h"
#include "launcher/exec/resolver.h"
#include "launcher/exec/socket_store.h"

namespace sublet::launcher {

class Agent {
 public:
  /// All are borrowed. `say`: tells the user something, once.
  struct Parts {
    int listener;
    std::vector<Cidr> prefixes;
    SocketStore& store;
    SocketStore& nook;
    Resolver& resolver;
    bypass::EpollRepair& repair;
    std::function<void(const std::string&)> say;
  };
  explicit Agent(Parts parts);

  /// Until nobody is left under the filter.
  void serve();

 private:
  struct Call {
    std::uint64_t id;
    pid_t thread;
    int number;
    std::uint64_t address;
    std::uint64_t length;
    bool sends = false;  // sendto, not connect
  };
  struct Ending {
    bool pass = true;  // the kernel does it
    int error = 0;     // else: what it ends with
  };

  [[nodiscard]] std::optional<Call> call_of(const seccomp_notif& notification);
  [[nodiscard]] Ending decide(const Call& call);
  [[nodiscard]] Ending on_cluster(const Call& call);
  [[nodiscard]] Ending on_name_server(const Call& call, const bypass::RawAddress& server);
  [[nodiscard]] Ending into_nook(const Call& call, UniqueFd old, int domain);
  [[nodiscard]] std::optional<Ending> replace(const Call& call, UniqueFd old, const UniqueFd& by, SocketKind kind);
  [[nodiscard]] bool read(const Call& call, std::uint64_t from, void* to, std::size_t size);
  [[nodiscard]] UniqueFd copy(const Call& call);
  void cannot_look(const Call& call);

  Parts parts_;
  const std::uint64_t network_;  // the host's
  bypass::Pidfds pidfds_;
  bypass::DescriptorScan scan_;
  bypass::OptionDefaults tcp4_{AF_INET};
  bypass::OptionDefaults tcp6_{AF_INET6};
  bypass::OptionDefaults udp4_{AF_INET, SOCK_DGRAM};
  bypass::OptionDefaults udp6_{AF_INET6, SOCK_DGRAM};
  UniqueFd replaced_;  // by the call that is being answered
  bool told_ = false;
};

}  // namespace sublet::launcher
