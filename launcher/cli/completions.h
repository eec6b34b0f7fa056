// SPDX-License-Identifier: Apache-2.0
// Shell completions, written from the tables of verbs, options and keys. docs/completions holds what these return; a
// test keeps the two the same. Pure.
#pragma once

#include <string>

namespace sublet::launcher {

[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();
[[nodiscard]] std::string fish_completion();

}  // namespace sublet::launcher
