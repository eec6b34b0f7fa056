// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/config/keys.h"

namespace sublet::launcher {
namespace {

// Wider values do not push the third column out for all.
constexpr std::size_t kWidestValue = 40;
constexpr std::size_t kSampleWidth = 100;

nlohmann::ordered_json as_json(const Node& node) {
  nlohmann::ordered_json json;
  switch (node.type) {
    case Node::Type::kText:
    case Node::Type::kOther: return node.text;
    case Node::Type::kInteger: return node.integer;
    case Node::Type::kBoolean: return node.boolean;
    case Node::Type::kArray:
      json = nlohmann::ordered_json::array();
      for (const Node& item : node.items) json.push_back(as_json(item));
      return json;
    case Node::Type::kTable:
      json = nlohmann::ordered_json::object();
      for (const auto& [key, value] : node.members) json[key] = as_json(value);
      return json;
  }
  return json;
}

std::string as_comment(const std::string& text) {
  std::string comment;
  std::string line = "#";
  for (const std::string& word : words(text)) {
    if (line.size() + 1 + word.size() > kSampleWidth) {
      comment += line + "\n";
      line = "#";
    }
    line += " " + word;
  }
  return comment + line + "\n";
}

}  // namespace

std::string config_as_text(const Loaded& loaded) {
  std::size_t widest_key = 3;
  std::size_t widest_value = 5;
  for (const Key& key : keys()) {
    widest_key = std::max(widest_key, key.name.size());
    widest_value = std::max(widest_value, std::min(kWidestValue, key.kind.get(loaded.config).as_toml().size()));
  }
  std::string text = fmt::format("{:<{}}  {:<{}}  FROM\n", "KEY", widest_key, "VALUE", widest_value);
  for (std::size_t i = 0; i < keys().size(); ++i) {
    const Key& key = keys()[i];
    text += fmt::format("{:<{}}  {:<{}}  {}\n", key.name, widest_key, key.kind.get(loaded.config).as_toml(),
                        widest_value, loaded.origins[i].from);
  }
  return text;
}

std::string config_as_json(const Loaded& loaded) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < keys().size(); ++i) {
    const Key& key = keys()[i];
    json[key.name] = {{"value", as_json(key.kind.get(loaded.config))}, {"from", loaded.origins[i].from}};
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string sample_file() {
  std::string text =
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# sublet.toml: every key, its default commented out. For all users of a site: /etc/sublet/*.toml (read by "
      "name);\n"
      "# for you: ~/.config/sublet/sublet.toml. Later ones win, then SUBLET_* variables, then flags; lists add up.\n"
      "# Paths may start with ~/ and have $NAME in them. See sublet.toml(5).\n";
  std::string table;
  for (const Key& key : keys()) {
    std::string section = key.name.substr(0, key.name.find('.'));
    std::string own_table =
        key.kind.get(Config{}).type == Node::Type::kTable || key.sample.starts_with('[') ? "" : section;
    if (!own_table.empty() && own_table != table) {
      text += fmt::format("\n[{}]\n", own_table);
      table = own_table;
    } else {
      text += "\n";
    }
    text += as_comment(key.doc) + as_comment(fmt::format("Variable: {}. Type: {}.", key.env, key.kind.type));
    if (own_table.empty()) {
      for (const std::string& line : lines(key.sample)) text += "#" + line + "\n";
      continue;
    }
    std::string name = key.name.substr(section.size() + 1);
    text += fmt::format("#{} = {}\n", name, key.kind.get(Config{}).as_toml());
    if (!key.sample.empty()) text += fmt::format("#{}  # for example\n", key.sample);
  }
  return text;
}

}  // namespace sublet::launcher
