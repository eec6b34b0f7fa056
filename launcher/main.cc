// SPDX-License-Identifier: Apache-2.0
// One program: hidden verbs for the processes that sublet starts of itself, then the command line.
#include <cstring>

#include "base/log.h"
#include "bypass/broker.h"
#include "launcher/cli/parse.h"
#include "launcher/config/load.h"
#include "launcher/exec/caller.h"
#include "launcher/facts/probe.h"
#include "launcher/node/node_init.h"
#include "launcher/policy/network_policy.h"
#include "launcher/state/clean_up.h"
#include "launcher/verbs/verbs.h"
#include "netns/tap_driver.h"

namespace {

using namespace sublet;
using namespace sublet::launcher;

int fail_with(const Error& error) {
  log::error("{}", to_string(error));
  return static_cast<int>(error.exit);
}

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "info") return log::Level::kInfo;
  return name == "error" ? log::Level::kError : log::Level::kWarning;
}

}  // namespace

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  if (std::strcmp(verb, "node-init") == 0) return node_init_main();
  if (std::strcmp(verb, "tap-driver") == 0) return netns::tap_driver_main();
  if (std::strcmp(verb, "broker") == 0) return bypass::broker_main();
  if (std::strcmp(verb, "network-policy") == 0) return network_policy_main(argc, argv);
  if (std::strcmp(verb, "exec-run") == 0) return exec_run_main(argc, argv);
  if (std::strcmp(verb, "probe") == 0) return probe_main();
  if (std::strcmp(verb, "clean-up") == 0) return clean_up_main(argc, argv);

  log::set_up("sublet", log::Level::kWarning);
  auto options = parse_command_line(argc, argv);
  if (!options) return fail_with(options.error());
  Invocation invocation;
  if (options->verb != Verb::kHelp) {
    auto loaded = load_config(default_sources(options->settings, options->config_file));
    if (!loaded) return fail_with(loaded.error());
    invocation.loaded = std::move(*loaded);
    log::set_up("sublet", level_of(invocation.loaded.config.log_level));
  }
  invocation.options = std::move(*options);
  auto status = run_verb(invocation);
  return status ? *status : fail_with(status.error());
}
