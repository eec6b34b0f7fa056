// SPDX-License-Identifier: Apache-2.0
// What the launcher knows of the node's services, from node-init's reports: for `status`.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "launcher/node/orders.h"

namespace sublet::launcher {

struct ServiceView {
  std::string state = "waiting";  // waiting, starting, ready, ended, given-up, stopped
  int restarts = 0;
  int pid = 0;         // in the cluster's pid namespace
  std::string detail;  // how it ended last
};

class ServicesView {
 public:
  explicit ServicesView(const std::vector<std::string>& names);
  void apply(const NodeReport& report);
  [[nodiscard]] nlohmann::json as_json() const;

 private:
  std::vector<std::pair<std::string, ServiceView>> services_;
  std::map<std::string, bool> seen_;
};

}  // namespace sublet::launcher
