// SPDX-License-Identifier: Apache-2.0
// Where things are inside the cluster's namespaces. The state directory of the host is bound to kInside, so every
// configuration file names the same short paths, whatever the state directory is called.
#pragma once

#include <string_view>

namespace sublet::launcher::inside {

inline constexpr std::string_view kState = "/run/sublet";
inline constexpr std::string_view kHostEtc = "/run/host/etc";
inline constexpr std::string_view kHostOpt = "/run/host/opt";

}  // namespace sublet::launcher::inside

namespace sublet::launcher::state_layout {

// Folders of the state directory.
inline constexpr std::string_view kRoot = "root";  // mount point of the new root
inline constexpr std::string_view kPki = "pki";
inline constexpr std::string_view kEtc = "etc";  // configuration files of the components
inline constexpr std::string_view kSockets = "sock";
inline constexpr std::string_view kLogs = "log";
inline constexpr std::string_view kTmp = "tmp";        // /tmp inside
inline constexpr std::string_view kVarLib = "lib";     // /var/lib inside
inline constexpr std::string_view kVarLog = "varlog";  // /var/log inside

}  // namespace sublet::launcher::state_layout
