// SPDX-License-Identifier: Apache-2.0
// Reading configuration files safely: they decide which programs run as the user, so nobody else may write them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// The *.toml of a directory, by name; hidden ones (an editor's) left out. None if there is no such directory.
[[nodiscard]] Result<std::vector<std::string>> toml_files(const std::string& dir);

/// The text of a file that only its owner (us or root) can write and replace. Nothing if it is missing and not
/// `required`. Links are followed, and what they lead to is judged. /dev/null is an empty file.
[[nodiscard]] Result<std::optional<std::string>> read_trusted_file(const std::string& path, bool required);

/// A file that others may read is no place for a password. A missing one is an error as well.
[[nodiscard]] Result<void> check_secret_file(const std::string& path);
/// Its text, at most 1 MiB; judged as check_secret_file() does, by what was opened.
[[nodiscard]] Result<std::string> read_secret_file(const std::string& path);

}  // namespace sublet::launcher
