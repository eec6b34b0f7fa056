// SPDX-License-Identifier: Apache-2.0
// Reads image archives (tar, plain or packed by gzip or zstd) far enough to know what they hold and that nothing is
// missing, before a cluster is asked to import them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/images/contents.h"

namespace sublet::launcher {

/// The images in the file. Every error names it: missing, no archive, cut off, incomplete. A plain tar is read by its
/// headers only (some milliseconds); a packed one must be unpacked once to know that it is whole.
[[nodiscard]] Result<std::vector<ImageInfo>> inspect_archive(const std::string& path);

/// The archives that images.archives means: files as they are, of directories all *.tar, *.tar.gz, *.tgz, *.tar.zst, by
/// name. Errors: a path that is missing or can't be read.
[[nodiscard]] Result<std::vector<std::string>> archives_in(const std::vector<std::string>& paths);

}  // namespace sublet::launcher
