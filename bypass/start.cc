// SPDX-License-Identifier: Apache-2.0
#include "bypass/start.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/sys.h"

namespace sublet::bypass {

Result<BrokerProcess> start_broker(Command command, const BrokerOrders& orders, const BrokerLinks& links) {
  const UniqueFd memory = TRY(sys::sealed_memfd("broker-orders", to_json(orders)));
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_STREAM));
  command.fds.insert(command.fds.end(), {{memory.get(), kOrdersFd},
                                         {links.keeper, kKeeperFd},
                                         {links.status, kStatusFd},
                                         {links.user_namespace, kUserNamespaceFd},
                                         {theirs.get(), kReadyFd}});
  if (orders.ports)
    command.fds.insert(command.fds.end(), {{links.ports, kPortsFd}, {links.node_network, kNodeNetworkFd}});
  command.parent_death_signal = SIGKILL;
  Process process = TRY_WHILE("starting the broker", command.spawn());
  return BrokerProcess{std::move(process), std::move(ours)};
}

}  // namespace sublet::bypass
