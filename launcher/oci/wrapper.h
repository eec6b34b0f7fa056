// SPDX-License-Identifier: Apache-2.0
// The OCI runtime that containerd sees: edits what the real one is about to read, then becomes it. Stands between every
// shim and runc, so it is quick, keeps no state, and says what went wrong where the shim looks for it (--log).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/oci/arguments.h"
#include "launcher/oci/settings.h"

namespace sublet::launcher {

/// Edits the files that this call makes the runtime read (config.json of the bundle, the process of exec), each by an
/// atomic replacement. Gives the runtime's argv; nothing if the call is answered by success without the runtime, as
/// `update` is where there are no cgroups whose limits could be changed.
[[nodiscard]] Result<std::optional<std::vector<std::string>>> prepare_oci_call(
    const std::vector<std::string>& arguments, const OciArguments& parsed, const OciSettings& settings);

/// A line of runc's log, "text" or JSON as the shim reads it, for this error at this time.
[[nodiscard]] std::string oci_log_line(const Error& error, bool as_json, std::int64_t unix_seconds);

/// The program. Returns only if it did not become the runtime. `settings_path` is a parameter for tests alone.
[[nodiscard]] int oci_main(int argc, char** argv, const std::string& settings_path = kOciSettingsPath);

}  // namespace sublet::launcher
