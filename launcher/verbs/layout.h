// SPDX-License-Identifier: Apache-2.0
// Where this installation keeps its parts, found from where the program itself is: any prefix works, and so does the
// build tree.
#pragma once

#include <string>

#include "base/result.h"

namespace sublet::launcher {

struct Layout {
  std::string components;   // libexec/sublet, or build/components
  std::string wrapper;      // the OCI wrapper
  std::string pause_image;  // the archive that every cluster imports
};

/// `executable` is the program's own path. Installed: PREFIX/bin/sublet; built: BUILD/PRESET/launcher/sublet. Missing
/// parts are named by where they should be: who needs them says so.
[[nodiscard]] Layout find_layout(const std::string& executable);

}  // namespace sublet::launcher
