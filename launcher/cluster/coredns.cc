// SPDX-License-Identifier: Apache-2.0
// coredns as a native process on the node's address, behind the Service kube-dns that every kubelet names to its pods.
#include <fmt/format.h>

#include "launcher/cluster/files.h"

namespace sublet::launcher {

std::vector<StateFile> coredns_files(const Plan& plan, const ClusterPki& pki) {
  // Without a tap nothing outside can be asked; an honest NXDOMAIN beats a client's time-outs. That answer needs a
  // block of its own: coredns asks the template plugin before the kubernetes plugin, whatever order the file has.
  std::string upstream = plan.tap ? fmt::format("    forward . {}\n", plan.addresses.dns) : "";
  std::string elsewhere = plan.tap ? upstream : "    template ANY ANY {\n        rcode NXDOMAIN\n    }\n";
  std::string corefile = fmt::format(
      "{domain}:{port} in-addr.arpa:{port} ip6.arpa:{port} {{\n"
      "    bind {address}\n"
      "    errors\n"
      "    kubernetes {domain} in-addr.arpa ip6.arpa {{\n"
      "        kubeconfig {kubeconfig}\n"
      "        pods insecure\n"
      "        ttl 5\n"
      "        fallthrough in-addr.arpa ip6.arpa\n"
      "    }}\n"
      // As upstream's own deployment has it: what the plugin above knows is current, and must not lag behind.
      "    cache 30 {{\n"
      "        disable success {domain}\n"
      "        disable denial {domain}\n"
      "    }}\n"
      "{upstream}"
      "}}\n"
      ".:{port} {{\n"
      "    bind {address}\n"
      "    errors\n"
      "    cache 30\n"
      "{elsewhere}"
      "    loop\n"
      "}}\n",
      fmt::arg("port", kDnsPort), fmt::arg("address", plan.addresses.node),
      fmt::arg("domain", plan.config.cluster_domain), fmt::arg("kubeconfig", inside_path("etc/coredns.kubeconfig")),
      fmt::arg("upstream", upstream), fmt::arg("elsewhere", elsewhere));
  return {{"etc/Corefile", corefile}, component_kubeconfig(kCoreDns, pki, pki.coredns)};
}

Service coredns_service(const Plan& plan) {
  Service service = component(plan, kCoreDns, {"-conf", inside_path("etc/Corefile")});
  // Without its role its first look is refused, and the next comes a second later.
  service.after = {kRolesMade};
  service.readiness = {Readiness::Kind::kTcp, plan.addresses.node, kDnsPort, ""};
  return service;
}

}  // namespace sublet::launcher
