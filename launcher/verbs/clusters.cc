// SPDX-License-Identifier: Apache-2.0
// Which cluster a verb is about.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "launcher/facts/host.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {

std::vector<Cluster> own_clusters(const Config& config) {
  std::vector<std::string> bases;
  if (!config.state_dir.empty()) bases.push_back(config.state_dir);
  if (const char* tmpdir = std::getenv("TMPDIR"); tmpdir != nullptr && *tmpdir == '/') bases.emplace_back(tmpdir);
  bases.emplace_back("/dev/shm");
  bases.emplace_back("/tmp");
  return find_clusters(bases, ::getuid());
}

bool is_named(const Loaded& loaded) {
  return std::any_of(loaded.origins.begin(), loaded.origins.end(),
                     [](const KeyOrigin& origin) { return origin.key == "cluster.name" && origin.from != "default"; });
}

Result<Cluster> chosen_cluster(const Config& config) {
  std::vector<std::string> warnings;  // `up` has shown them
  const ClusterId wanted = cluster_id(own_allocation(warnings), config.name);
  std::vector<Cluster> named;
  std::string others;
  for (Cluster& cluster : own_clusters(config)) {
    if (!cluster.alive) continue;
    if (cluster.id == wanted) return cluster;
    if (cluster.id.name == config.name)
      named.push_back(std::move(cluster));
    else
      others += (others.empty() ? "" : ", ") + cluster.id.name;
  }
  if (named.size() == 1) return std::move(named.front());
  if (named.size() > 1)
    return fail("several jobs of yours have a cluster called " + config.name + " on this host",
                "run this inside the job whose cluster you mean", ExitCode::kPrerequisite);
  return fail("no cluster called " + config.name + " runs here",
              others.empty()
                  ? "start one: sublet up --detach"
                  : "these run: " + others + "; name one before the verb (sublet --name NAME VERB) or by SUBLET_NAME",
              ExitCode::kPrerequisite);
}

}  // namespace sublet::launcher
