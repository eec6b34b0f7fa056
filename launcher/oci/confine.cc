// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/confine.h"

#include <cerrno>

namespace sublet::launcher {

using nlohmann::json;

Result<json> with_confinement(json spec, const CpuList& cpus, const std::string& wrapper) {
  json& hooks = spec["hooks"];
  if (hooks.is_null()) hooks = json::object();
  if (!hooks.is_object()) return fail("hooks is of the wrong type");
  json& list = hooks["createRuntime"];
  if (list.is_null()) list = json::array();
  if (!list.is_array()) return fail("hooks.createRuntime is of the wrong type");
  constexpr int kSeconds = 10;
  list.push_back({{"path", wrapper}, {"args", {"sublet-oci", kConfineVerb, to_text(cpus)}}, {"timeout", kSeconds}});
  if (auto process = spec.find("process"); process != spec.end() && process->is_object())
    *process = process_with_affinity(std::move(*process), cpus);
  return spec;
}

json process_with_affinity(json process, const CpuList& cpus) {
  // A container that asks for its own keeps it: it is within what the cgroup allows.
  if (!process.contains("execCPUAffinity")) process["execCPUAffinity"] = {{"final", to_text(cpus)}};
  return process;
}

Result<void> confine(const std::string& cpus, const std::string& state) {
  const CpuList list = TRY(parse_cpu_list(cpus));
  const json object = json::parse(state, nullptr, false);
  if (!object.is_object() || !object.contains("pid") || !object["pid"].is_number_unsigned())
    return fail("the runtime's state has no \"pid\"");
  auto bound = set_affinity(list, object["pid"].get<pid_t>());
  if (!bound && !bound.error().is(EINVAL)) return bound;
  return {};
}

}  // namespace sublet::launcher
