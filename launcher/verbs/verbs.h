// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line, each in a file of its own. Each gives the exit status, or the error that main() shows.
#pragma once

#include "base/result.h"
#include "launcher/cli/parse.h"
#include "launcher/config/load.h"
#include "launcher/state/clusters.h"

namespace sublet::launcher {

struct Invocation {
  Options options;
  Loaded loaded;
};

/// Dispatches on the verb.
[[nodiscard]] Result<int> run_verb(const Invocation& invocation);

[[nodiscard]] Result<int> up(const Invocation& invocation);  // and run
[[nodiscard]] Result<int> down(const Invocation& invocation);
[[nodiscard]] Result<int> status(const Invocation& invocation);
[[nodiscard]] Result<int> status_net(const Invocation& invocation);  // status --net
[[nodiscard]] Result<int> doctor(const Invocation& invocation);
[[nodiscard]] Result<int> kubectl(const Invocation& invocation);
[[nodiscard]] Result<int> kubeconfig_verb(const Invocation& invocation);
[[nodiscard]] Result<int> expose(const Invocation& invocation);
[[nodiscard]] Result<int> env(const Invocation& invocation);
[[nodiscard]] Result<int> exec(const Invocation& invocation);
[[nodiscard]] Result<int> images(const Invocation& invocation);
[[nodiscard]] Result<int> logs(const Invocation& invocation);
[[nodiscard]] Result<int> timeline(const Invocation& invocation);
[[nodiscard]] Result<int> version(const Invocation& invocation);

/// All clusters of this user on this host, of whatever job.
[[nodiscard]] std::vector<Cluster> own_clusters(const Config& config);
/// Whether a cluster was named: by a flag, a variable or a file. If not, the name is "default".
[[nodiscard]] bool is_named(const Loaded& loaded);
/// The running cluster that a verb is about: the one of the configured name, that of this job before others. The error
/// says which there are.
[[nodiscard]] Result<Cluster> chosen_cluster(const Config& config);

}  // namespace sublet::launcher
