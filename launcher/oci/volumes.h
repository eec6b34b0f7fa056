// SPDX-License-Identifier: Apache-2.0
// Volumes of the default StorageClass. Kubernetes' own host-path provisioner, which we use as it costs no process,
// makes each as a directory of root's with mode 0750; a container that runs as another user could not write to its
// volume.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// Where kube-controller-manager's host-path provisioner puts them (pkg/volume/hostpath, Kubernetes 1.36).
inline constexpr const char* kVolumesInside = "/tmp/hostpath_pv/";

/// The volumes that a container's spec mounts: each a directory right below kVolumesInside. Pure.
[[nodiscard]] std::vector<std::string> volumes_of(const nlohmann::json& spec);

/// Opens a volume to every user of its pods, if it still has the mode that the provisioner gave it. What is no
/// directory, a link among them, is left alone.
Result<void> open_volume(const std::string& path);

}  // namespace sublet::launcher
