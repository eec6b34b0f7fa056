// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/link.h"

#include "netns/link.h"
#include "netns/tap.h"

namespace sublet::launcher {

Result<std::optional<UniqueFd>> make_link(const NodeLink& link) {
  TRY(netns::bring_up_loopback());
  std::optional<UniqueFd> tap;
  const std::string name = link.tap ? "tap0" : "node0";
  if (link.tap)
    tap = TRY(netns::open_tap(name));
  else
    TRY(netns::create_dummy(name));
  netns::LinkPlan plan = netns::tap_link(link.network, name);
  if (!link.tap) {
    // A default route into a stand-in would make what is outside look slow instead of unreachable. The Services' one is
    // needed: the kernel looks for a route before kube-proxy's rules change the destination.
    plan.gateways.clear();
    plan.on_link = {TRY(parse_cidr(link.services))};
  }
  TRY(netns::configure_link(plan));
  return tap;
}

}  // namespace sublet::launcher
