// SPDX-License-Identifier: Apache-2.0
// doctor, timeline, version: verbs that only tell.
#include <fmt/format.h>

#include "base/fs.h"
#include "base/process.h"
#include "launcher/facts/components.h"
#include "launcher/facts/doctor.h"
#include "launcher/facts/gather.h"
#include "launcher/session/timeline.h"
#include "launcher/verbs/layout.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {

Result<int> doctor(const Invocation& invocation) {
  const std::string executable = TRY(own_executable());
  const Layout layout = find_layout(executable);
  GatherOptions gather;
  gather.versions = VersionLookup::kAsk;
  Facts facts = TRY(gather_facts(invocation.loaded.config, layout.components, gather));
  Diagnosis diagnosis = diagnose(facts, invocation.loaded.config);
  if (invocation.options.admin)
    fmt::print("{}", admin_script(diagnosis));
  else
    fmt::print("{}", invocation.options.json ? diagnosis_as_json(diagnosis) : diagnosis_as_text(diagnosis));
  return static_cast<int>(exit_code(diagnosis));
}

Result<int> timeline(const Invocation& invocation) {
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  const std::string path = cluster.path + "/timeline.json";
  if (!fs::exists(path)) return fail("cluster " + cluster.id.name + " is still starting", "", ExitCode::kNotReady);
  const std::string text = TRY(fs::read_file(path));
  if (!invocation.options.svg_file.empty()) {
    constexpr mode_t kMode = 0644;
    const std::vector<Span> drawn = TRY(timeline_from_json(text));
    TRY(fs::write_file(invocation.options.svg_file, timeline_as_svg(drawn, "sublet: cluster " + cluster.id.name),
                       kMode));
    return 0;
  }
  if (invocation.options.json) {
    fmt::print("{}", text);
    return 0;
  }
  const std::vector<Span> spans = TRY(timeline_from_json(text));
  fmt::print("{}", timeline_as_text(spans));
  return 0;
}

Result<int> version(const Invocation& invocation) {
  const Config& config = invocation.loaded.config;
  const std::string executable = TRY(own_executable());
  const std::string own = find_layout(executable).components;
  auto components = find_components(config.components_dir.empty() ? own : config.components_dir, VersionLookup::kAsk,
                                    config.oci_runtime);
  fmt::print("{}", invocation.options.json ? versions_as_json(components) : versions_as_text(components));
  return 0;
}

}  // namespace sublet::launcher
