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
  // The driver passes nothing on to these; with a route a program also hears of it at once. Not where that would cover
  // the cluster's own addresses, or everything.
  const Cidr services = TRY(parse_cidr(link.services));
  for (const Cidr& denied : link.network.denied)
    if (denied.length > 0 && !overlap(denied, services) && !overlap(denied, link.network.v4.prefix))
      plan.prohibited.push_back(denied);
  if (!link.tap) {
    // A default route into a stand-in would make what is outside look slow instead of unreachable. The Services' one is
    // needed: the kernel looks for a route before kube-proxy's rules change the destination.
    plan.gateways.clear();
    plan.on_link = {services};
  }
  TRY(netns::configure_link(plan));
  return tap;
}

}  // namespace sublet::launcher
