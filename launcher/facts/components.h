// SPDX-License-Identifier: Apache-2.0
// The programs that sublet starts: whether they are all there, and of which version. Our own bundle says so in its file
// VERSIONS ("name version" a line); a site's own directory is asked program by program.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// The Kubernetes that this sublet is made for: "v1.36.x". Its configuration files and flags change by minor version.
inline constexpr std::string_view kKubernetesMinor = "v1.36.";

/// The component that offers devices; a cluster without any to offer runs without it.
inline constexpr std::string_view kDevicePluginName = "device-plugin";

/// kListed: what VERSIONS says; only Kubernetes, whose version matters, is run if it is not listed. kAsk: every program
/// that is not listed is run with its version flag (0.2 s or so each).
enum class VersionLookup { kListed, kAsk };

/// One fact for each component, in a fixed order. Unusable: a file is missing or not executable (it is named), or
/// Kubernetes is of another minor version. `runtime`: the OCI runtime that stands for runc (components.runtime); empty:
/// the directory's own.
[[nodiscard]] std::vector<ComponentFact> find_components(const std::string& directory, VersionLookup lookup,
                                                         const std::string& runtime = "");

/// The text of VERSIONS. Lines that are not "name version" are passed over.
[[nodiscard]] std::map<std::string, std::string> parse_versions_file(std::string_view text);

/// The first version number ("v1.36.3", "3.7.3", also "1.2.3-rc.1") in what a program printed, with its "v"; "" if
/// none.
[[nodiscard]] std::string find_version(std::string_view output);

/// sublet's own version, of the build.
[[nodiscard]] std::string_view sublet_version();

/// For `sublet version`: sublet, then each component. JSON: {"sublet":"0.1.0","components":[{"name","version","path",
/// "usable","reason"}]}.
[[nodiscard]] std::string versions_as_text(const std::vector<ComponentFact>& components);
[[nodiscard]] std::string versions_as_json(const std::vector<ComponentFact>& components);

}  // namespace sublet::launcher
