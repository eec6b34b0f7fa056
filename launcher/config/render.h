// SPDX-License-Identifier: Apache-2.0
// A configuration as people, programs and new users see it.
#pragma once

#include <string>

#include "launcher/config/load.h"

namespace sublet::launcher {

/// A table of key, value (as TOML) and origin.
[[nodiscard]] std::string config_as_text(const Loaded& loaded);
/// {"KEY": {"value": …, "from": "…"}, …}: lists are arrays, node.bind an array of objects, registries an object.
[[nodiscard]] std::string config_as_json(const Loaded& loaded);
/// The sample sublet.toml: every key with its description and default, commented out. manifests/sublet.toml is this.
[[nodiscard]] std::string sample_file();

}  // namespace sublet::launcher
