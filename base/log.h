// SPDX-License-Identifier: Apache-2.0
// Only programs log (the launcher, node-init, the tap driver), once per failure, where it is handled. Library code
// returns errors. Levels: error (we stop), warning (we go on, worse), info (a node's life in few lines), debug.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace sublet::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Lines go to standard error as "sublet[program]: text". Call first in each program.
void set_up(std::string_view program, Level least);
void write(Level level, std::string_view text);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace sublet::log
