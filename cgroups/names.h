// SPDX-License-Identifier: Apache-2.0
// What the cgroups of a cluster are called, on the host and inside.
//
//   BASE/                     a hook's leaf, our own cgroup, or a scope of the user's systemd
//     sublet-launcher/        the launcher, where BASE is its own cgroup
//     sublet-JOB-NAME/        the cluster: the root of its cgroup namespace
//       system/               node-init and the node's services
//       kubepods/             pods, made by the kubelet
#pragma once

#include <string_view>

namespace sublet::cgroups {

/// The directory that a hook hands over.
inline constexpr const char* kLeafName = "sublet";
inline constexpr const char* kLauncherName = "sublet-launcher";
/// How a cluster's directory begins. What follows is the name of its state directory: the job's id and its own name.
inline constexpr std::string_view kHomePrefix = "sublet-";
inline constexpr const char* kSystemName = "system";

/// Where the cluster's cgroup is seen inside.
inline constexpr const char* kInside = "/sys/fs/cgroup";

}  // namespace sublet::cgroups
