// SPDX-License-Identifier: Apache-2.0
// The kinds of value that the rows of keys.cc are made of: each binds a field of Config to its reading, its check and
// its showing.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "launcher/config/keys.h"

namespace sublet::launcher::kinds {

using TextCheck = std::function<std::optional<std::string>(std::string_view)>;

/// Any text that `check` finds nothing wrong with.
[[nodiscard]] Kind text(std::string Config::*field, std::string type, TextCheck check);
/// A path; empty means the default.
[[nodiscard]] Kind path(std::string Config::*field, std::string type);
/// A list of paths: adds up. Its text is split at ':' as PATH is.
[[nodiscard]] Kind paths(std::vector<std::string> Config::*field, std::string type);
[[nodiscard]] Kind boolean(bool Config::*field);
[[nodiscard]] Kind integer(std::uint32_t Config::*field, std::int64_t least, std::int64_t most);
/// Whole seconds, or text such as "3m".
[[nodiscard]] Kind seconds(std::chrono::seconds Config::*field, std::int64_t least, std::int64_t most);
/// A list of prefixes of both families: adds up. Its text is split at ','.
[[nodiscard]] Kind prefixes(std::vector<std::string> Config::*field);
/// IPv4 with a prefix length in the range.
[[nodiscard]] Kind cidr(std::string Config::*field, int shortest, int longest);
/// [[node.bind]]: adds up; a later one at the same target replaces. Its text is SRC[:DST[:ro]], several split at ','.
[[nodiscard]] Kind binds(std::vector<BindMount> Config::*field);
/// [[devices]]: adds up; the same node twice in one resource is refused. Its text is TOML.
[[nodiscard]] Kind devices(std::vector<DeviceWish> Config::*field);
/// [registries."HOST"]: adds up; a later HOST replaces. Its text is TOML.
[[nodiscard]] Kind registries(std::map<std::string, Registry> Config::*field);

/// "one of" a list, without a template: by index.
[[nodiscard]] Kind choice_of(std::vector<std::string> names, std::function<void(Config&, std::size_t)> set,
                             std::function<std::size_t(const Config&)> get);

/// One of the names, in the order of the enumerators from 0.
template <typename Enum>
[[nodiscard]] Kind choice(Enum Config::*field, std::vector<std::string> names) {
  return choice_of(
      std::move(names), [field](Config& config, std::size_t index) { config.*field = static_cast<Enum>(index); },
      [field](const Config& config) { return static_cast<std::size_t>(config.*field); });
}
/// The same for a field that holds the name itself.
[[nodiscard]] Kind choice(std::string Config::*field, std::vector<std::string> names);

}  // namespace sublet::launcher::kinds
