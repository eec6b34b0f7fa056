// SPDX-License-Identifier: Apache-2.0
// Puts containers under the bypass's filter. The wrapper installs it on itself and then becomes the runtime, so the
// container is born under it, whatever the runtime is and whatever seccomp profile the pod has: filters stack, and the
// kernel takes the strictest answer. The runtime's own few calls are answered as the container's are.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bypass/record.h"
#include "launcher/oci/arguments.h"
#include "launcher/oci/settings.h"

namespace sublet::launcher {

/// The annotation of a pod that chooses its level: "off", "fast" or, where the cluster's owner allows it, "fast-udp".
inline constexpr const char* kBypassAnnotation = "sublet.dev/bypass";
/// Where a watched container's record stays until its deletion, for what is later run in it (exec).
inline constexpr const char* kWatchedDir = "/run/sublet/watched";

struct Watched {
  bypass::Record record;
  std::string network;  // path of the pod's network namespace

  bool operator==(const Watched&) const = default;
};
[[nodiscard]] std::string to_json(const Watched& watched);
[[nodiscard]] Result<Watched> watched_from_json(std::string_view text);

/// Whether the container of this configuration is to be watched, and as what. Not: where there is no broker, pods that
/// are annotated so, sandboxes (they only hold namespaces), pods in the host's network, and those that have a
/// notification listener of their own (a task has one at most). A level that is none is an error; one that the owner
/// does not allow is the next lower one. Pure.
[[nodiscard]] Result<std::optional<Watched>> plan_watch(const nlohmann::json& spec, const std::string& container,
                                                        const OciSettings& settings);

/// For create, run and restore: plans by the bundle's config.json, writes the record, goes under the filter. For exec:
/// by the record. For delete: removes it. Anything else: nothing. `dir`: kWatchedDir, but for tests.
Result<void> watch(const OciArguments& arguments, const OciSettings& settings, const std::string& dir = kWatchedDir);

}  // namespace sublet::launcher
