// SPDX-License-Identifier: Apache-2.0
// kubectl, kubeconfig, env: ways to the API.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/process.h"
#include "launcher/verbs/exposed.h"
#include "launcher/verbs/layout.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

Result<std::string> kubeconfig_of(const Cluster& cluster) {
  std::string path = cluster.path + "/kubeconfig";
  if (!fs::exists(path))
    return fail("cluster " + cluster.id.name + " is still starting: it has no kubeconfig yet", "", ExitCode::kNotReady);
  return path;
}

// For a shell: a word that it takes as it is.
std::string shell_word(const std::string& text) {
  std::string safe = "'";
  for (char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

}  // namespace

Result<int> kubectl(const Invocation& invocation) {
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const std::string config = TRY(kubeconfig_of(cluster));
  auto status = nlohmann::json::parse(cluster.status, nullptr, false);
  std::string components = status.is_object() ? status.value("components", "") : "";
  const std::string program = components + "/kubectl";
  if (::setenv("KUBECONFIG", config.c_str(), 1) != 0) return fail_errno("setenv");
  std::vector<char*> argv;
  std::string name = "kubectl";
  argv.push_back(name.data());
  std::vector<std::string> words = invocation.options.command;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return fail_errno("exec " + program);
}

Result<int> kubeconfig_verb(const Invocation& invocation) {
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const std::string path = TRY(kubeconfig_of(cluster));
  if (invocation.options.path) {
    fmt::print("{}\n", path);
    return 0;
  }
  const std::string text = TRY(fs::read_file(path));
  fmt::print("{}", text);
  return 0;
}

Result<int> env(const Invocation& invocation) {
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const std::string path = TRY(kubeconfig_of(cluster));
  // One that is not ready, or has no ports of the host, has nothing to add.
  auto variables = variables_of(cluster).value_or(std::map<std::string, std::string>{});
  variables["KUBECONFIG"] = path;
  variables["SUBLET_NAME"] = cluster.id.name;
  if (invocation.options.json) {
    fmt::print("{}\n", nlohmann::json(variables).dump(2));
    return 0;
  }
  for (const auto& [name, value] : variables) fmt::print("export {}={}\n", name, shell_word(value));
  return 0;
}

}  // namespace sublet::launcher
