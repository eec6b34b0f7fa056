// SPDX-License-Identifier: Apache-2.0
// All facts at once. Read-only: what is tried is undone at once, or lives in namespaces that end with the trial.
#pragma once

#include <string>

#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/facts/components.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

struct GatherOptions {
  /// A sublet, whose hidden verb `probe` is run; empty: our own executable.
  std::string probe_program;
  VersionLookup versions = VersionLookup::kListed;
};

/// `components_dir`: the installation's own, used unless components.dir is set. What is missing is a Probe with its
/// reason, not an error; an error means that we could not even start to look.
[[nodiscard]] Result<Facts> gather_facts(const Config& config, const std::string& components_dir,
                                         const GatherOptions& options = {});

}  // namespace sublet::launcher
