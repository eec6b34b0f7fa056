// SPDX-License-Identifier: Apache-2.0
// The process that enforces NetworkPolicies: a service of node-init's. It watches the API and the pods' addresses, and
// with each change gives the packet filter its rules (nft, in one transaction) and tells the bypass whom it must leave
// alone. If it dies, the rules stay as they are until the next one has looked: pods that are new by then reach nobody.
#pragma once

#include <string>
#include <string_view>

#include "base/cidr.h"
#include "base/result.h"

namespace sublet::launcher {

/// Its settings: a file of the state directory, as JSON. Pure.
struct PolicySettings {
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
  std::string server = "https://127.0.0.1:6443";
  std::string pods;     // the prefix of pods' addresses
  bool bypass = false;  // there is a keeper to be told

  bool operator==(const PolicySettings&) const = default;
};
[[nodiscard]] std::string to_json(const PolicySettings& settings);
[[nodiscard]] Result<PolicySettings> policy_settings_from_json(std::string_view text);

/// The hidden verb: `network-policy FILE`. Does not return but on failure.
[[nodiscard]] int network_policy_main(int argc, char** argv);

}  // namespace sublet::launcher
