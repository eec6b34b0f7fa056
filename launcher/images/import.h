// SPDX-License-Identifier: Apache-2.0
// Puts image archives into the cluster's containerd, by its own client `ctr`.
#pragma once

#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "launcher/images/contents.h"

namespace sublet::launcher {

struct ImportPlan {
  /// Runs `ctr --address SOCKET` where the socket is: argv to which the rest is appended, with its namespaces and
  /// environment.
  Command ctr;
  int timeout_ms = 600'000;
  /// As soon as it is readable the import ends, half done. -1: none.
  int cancel_fd = -1;
};

/// The words after `ctr --address SOCKET`. `file` is the path as ctr sees it. Pure.
[[nodiscard]] std::vector<std::string> import_arguments(const std::string& file);

/// That what was found can run here: each image has a name that a pod can ask for, and content for `platform`
/// ("linux/amd64"). Pure; the error names the file.
Result<void> check_importable(const std::string& file, const std::vector<ImageInfo>& images,
                              const std::string& platform);

/// The platform of this host: "linux/amd64", "linux/arm64", …
[[nodiscard]] std::string host_platform();

/// Imports `file` (inspected and checked before, by inspect_archive() and check_importable()). The error holds what ctr
/// said.
Result<void> import_archive(const std::string& file, const ImportPlan& plan);

}  // namespace sublet::launcher
