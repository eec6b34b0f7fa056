// SPDX-License-Identifier: Apache-2.0
// CMD of `run`: found before anything is started, and again when it is its turn.
#pragma once

#include <string>

#include "base/result.h"

namespace sublet::launcher {

/// Where `name` is: itself if it has a slash, else by PATH; kubectl is among the components too. An error exits as a
/// shell would: 127 if there is no such program, 126 if it is none that can be run.
[[nodiscard]] Result<std::string> find_command(const std::string& name, const std::string& components_dir);

}  // namespace sublet::launcher
