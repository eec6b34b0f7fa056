// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "launcher/config/values.h"
#include "launcher/exec/caller.h"
#include "launcher/session/command.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {

Result<int> exec(const Invocation& invocation) {
  ExecPlan plan;
  plan.inherited = TRY(keep_inherited_fds());
  plan.command = invocation.options.command;
  plan.name_space = invocation.options.name_space;
  constexpr std::size_t kLongestLabel = 63;
  if (const auto wrong = wrong_dns_label(plan.name_space, kLongestLabel))
    return fail("--namespace " + plan.name_space + ": " + *wrong, "", ExitCode::kUsage);
  const Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const auto status = nlohmann::json::parse(cluster.status, nullptr, false);
  plan.path = TRY(find_command(plan.command.front(), status.is_object() ? status.value("components", "") : ""));
  plan.state_dir = cluster.path;
  return TRY(run_under_agent(std::move(plan))).shell_status();
}

}  // namespace sublet::launcher
