// SPDX-License-Identifier: Apache-2.0
// What has to change in a container's OCI configuration so that the runtime can honour it on our rungs. Pure.
// The format: opencontainers/runtime-spec, config.md and config-linux.md.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "launcher/oci/settings.h"

namespace sublet::launcher {

/// A bundle's config.json, edited:
/// - users and groups that the namespace does not map become 0: also the owner of every file that was made for such a
///   user (see fake_ids.h). The process then gets no more capabilities than an ordinary user would have had;
/// - uid= and gid= mount options of unmapped ids go (devpts' gid=5 on the single-UID rung);
/// - the range of net.ipv4.ping_group_range is cut to the mapped groups;
/// - where containers are to keep to some CPUs: see confine.h;
/// - without cgroups, linux.resources and linux.cgroupsPath go; with them, what is asked of a controller that is not
///   there goes (edit_resources).
/// Everything else is passed on as it was. Fails if a part that it looks at has the wrong type; the message names it.
[[nodiscard]] Result<nlohmann::json> edit_spec(nlohmann::json spec, const OciSettings& settings);

/// linux.resources without what only missing controllers could do. Rules for devices stay: a runtime in a user
/// namespace leaves them be, since there is no bpf(2), and the kernel keeps pods off devices that are not the user's
/// already.
[[nodiscard]] Result<nlohmann::json> edit_resources(nlohmann::json resources, const OciSettings& settings);

/// The same for the process of `runc exec --process`.
[[nodiscard]] Result<nlohmann::json> edit_exec(nlohmann::json process, const OciSettings& settings);

/// What both have in common.
[[nodiscard]] Result<nlohmann::json> edit_process(nlohmann::json process, const OciSettings& settings);

}  // namespace sublet::launcher
