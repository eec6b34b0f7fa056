// SPDX-License-Identifier: Apache-2.0
// Our own program inside, which enforces NetworkPolicies (launcher/policy).
#include "launcher/policy/network_policy.h"

#include <fmt/format.h>

#include "launcher/cluster/files.h"

namespace sublet::launcher {
namespace {

constexpr const char* kSettings = "etc/network-policy.json";

}  // namespace

std::vector<StateFile> network_policy_files(const Plan& plan, const ClusterPki& pki) {
  if (!plan.policy) return {};
  PolicySettings settings;
  settings.ca_pem = pki.ca.cert_pem;
  settings.cert_pem = pki.network_policy.cert_pem;
  settings.key_pem = pki.network_policy.key_pem;
  settings.server = fmt::format("https://127.0.0.1:{}", kApiPort);
  settings.pods = plan.addresses.pods;
  settings.bypass = plan.bypass;
  return {{kSettings, to_json(settings)}};
}

Service network_policy_service(const Plan& plan) {
  Service service = component(plan, kNetworkPolicy, {});
  // node-init's own executable, which the service is started by.
  service.argv = {"/proc/self/exe", kNetworkPolicy, inside_path(kSettings)};
  service.after = {kRolesMade};
  return service;
}

}  // namespace sublet::launcher
