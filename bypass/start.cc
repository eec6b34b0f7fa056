// SPDX-License-Identifier: Apache-2.0
#include "bypass/start.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/sys.h"

namespace sublet::bypass {

Result<BrokerProcess> start_broker(Command command, const BrokerOrders& orders, const BrokerLinks& links,
                                   int timeout_ms) {
  const UniqueFd memory = TRY(sys::sealed_memfd("broker-orders", to_json(orders)));
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_STREAM));
  command.fds.insert(command.fds.end(), {{memory.get(), kOrdersFd},
                                         {links.keeper, kKeeperFd},
                                         {links.status, kStatusFd},
                                         {links.user_namespace, kUserNamespaceFd},
                                         {theirs.get(), kReadyFd}});
  command.parent_death_signal = SIGKILL;
  Process process = TRY_WHILE("starting the broker", command.spawn());
  theirs.reset();
  pollfd ready{ours.get(), POLLIN, 0};
  int count = 0;
  do count = ::poll(&ready, 1, timeout_ms);
  while (count < 0 && errno == EINTR);
  char byte = 0;
  if (count == 1 && ::recv(ours.get(), &byte, 1, 0) == 1) return BrokerProcess{std::move(process), std::move(ours)};
  (void)process.signal(SIGKILL);
  const ExitStatus status = TRY(process.wait());
  if (count == 0) return fail("the broker was not ready in time");
  return fail("the broker ended at once: " + status.describe(), "its own message is on standard error");
}

}  // namespace sublet::bypass
