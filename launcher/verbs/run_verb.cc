// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "launcher/config/render.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {

Result<int> run_verb(const Invocation& invocation) {
  switch (invocation.options.verb) {
    case Verb::kUp:
    case Verb::kRun: return up(invocation);
    case Verb::kDown: return down(invocation);
    case Verb::kStatus: return status(invocation);
    case Verb::kDoctor: return doctor(invocation);
    case Verb::kKubectl: return kubectl(invocation);
    case Verb::kKubeconfig: return kubeconfig_verb(invocation);
    case Verb::kEnv: return env(invocation);
    case Verb::kExec: return exec(invocation);
    case Verb::kExpose: return expose(invocation);
    case Verb::kImages: return images(invocation);
    case Verb::kLogs: return logs(invocation);
    case Verb::kTimeline: return timeline(invocation);
    case Verb::kVersion: return version(invocation);
    case Verb::kConfig:
      fmt::print("{}", invocation.options.json ? config_as_json(invocation.loaded) : config_as_text(invocation.loaded));
      return 0;
    case Verb::kHelp: break;
  }
  fmt::print(invocation.options.exit == ExitCode::kOk ? stdout : stderr, "{}", invocation.options.text);
  return static_cast<int>(invocation.options.exit);
}

}  // namespace sublet::launcher
