// SPDX-License-Identifier: Apache-2.0
// Keeping a container to the CPUs that its owner may use. The runtime gives each container all CPUs of the machine
// (runc's tryResetCPUAffinity(), since 1.2), which only a cpuset holds back: where the job is bound by affinity alone,
// pods would run on other people's. So the wrapper has the runtime call it back, by a createRuntime hook, to bind them
// again.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/cpu_list.h"
#include "base/result.h"

namespace sublet::launcher {

/// The verb of the hook's command line; no runtime has it.
inline constexpr const char* kConfineVerb = "sublet-confine";

/// A config.json with the hook (runtime-spec, config.md, «POSIX-platform Hooks»), which is `wrapper`, and with
/// process.execCPUAffinity for what is executed later. Fails if "hooks" is of the wrong type.
[[nodiscard]] Result<nlohmann::json> with_confinement(nlohmann::json spec, const CpuList& cpus,
                                                      const std::string& wrapper);

/// A process of exec, with execCPUAffinity (config.md, «Linux Process»).
[[nodiscard]] nlohmann::json process_with_affinity(nlohmann::json process, const CpuList& cpus);

/// The hook: `state` is what the runtime gives it on standard input (runtime.md, «State»). Binds the container's
/// process to `cpus`, a list as text. Where none of them is left it does nothing: then a cpuset that has changed holds
/// it.
Result<void> confine(const std::string& cpus, const std::string& state);

}  // namespace sublet::launcher
