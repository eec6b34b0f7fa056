// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/kinds.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/cidr.h"
#include "base/strings.h"
#include "launcher/config/suggest.h"
#include "launcher/config/toml.h"

namespace sublet::launcher::kinds {
namespace {

Result<Node> text_as_is(std::string_view text) { return Node::of_text(std::string(text)); }

void expected(std::string_view type, const Node& got, Complaints& complaints) {
  std::string hint;
  if (got.type == Node::Type::kText) hint = " (" + quote(got.text) + ")";
  if (got.type == Node::Type::kText && type == "true or false" && parse_boolean(got.text)) hint += ", without quotes";
  complaints.push_back({got.value_at, fmt::format("expected {}, got {}{}", type, got.type_name(), hint)});
}

bool is_text(const Node& value, std::string_view type, Complaints& complaints) {
  if (value.type == Node::Type::kText) return true;
  expected(type, value, complaints);
  return false;
}

void wrong(const Node& value, std::string_view what, Complaints& complaints) {
  complaints.push_back({value.value_at, fmt::format("{} {}", quote(value.text), what)});
}

/// The path that `value` means, or nothing after a complaint.
std::optional<std::string> path_of(const Node& value, const TextContext& context, Complaints& complaints) {
  if (!is_text(value, "a path in quotes", complaints)) return std::nullopt;
  Result<std::string> path = resolve_path(value.text, context);
  if (path) return std::move(*path);
  wrong(value, path.error().what, complaints);
  return std::nullopt;
}

bool is_table(const Member& member) { return member.second.type == Node::Type::kTable; }

/// Goes through a table: each member must be one of `members`' names and goes to its reader.
void read_table(const Node& table, std::string_view title,
                const std::vector<std::pair<std::string, std::function<void(const Node&)>>>& members,
                Complaints& complaints) {
  std::vector<std::string> names;
  for (const auto& [name, read] : members) names.push_back(name);
  for (const Member& member : table.members) {
    // By name of their own: clang 14 captures no structured binding.
    const std::string& name = member.first;
    const Node& value = member.second;
    auto reader = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
    if (reader != members.end()) {
      reader->second(value);
    } else {
      complaints.push_back(
          {value.key_at, fmt::format("unknown key {} in {}{}", quote(name), title, did_you_mean(name, names))});
    }
  }
}

std::function<void(const Node&)> boolean_reader(bool& into, Complaints& complaints) {
  return [&into, &complaints](const Node& value) {
    if (value.type != Node::Type::kBoolean) return expected("true or false", value, complaints);
    into = value.boolean;
  };
}

std::function<void(const Node&)> path_reader(std::string& into, const TextContext& context, Complaints& complaints) {
  return [&into, &context, &complaints](const Node& value) {
    into = path_of(value, context, complaints).value_or(std::string());
  };
}

void read_mirrors(const Node& value, std::vector<std::string>& mirrors, Complaints& complaints) {
  if (value.type != Node::Type::kArray) return expected("an array of URLs", value, complaints);
  for (const Node& item : value.items) {
    if (!is_text(item, "a URL in quotes", complaints)) continue;
    if (std::optional<std::string> reason = wrong_url(item.text)) {
      wrong(item, *reason, complaints);
    } else {
      mirrors.push_back(item.text);
    }
  }
}

Registry read_registry(const Node& table, std::string_view title, const TextContext& context, Complaints& complaints) {
  Registry registry;
  read_table(table, title,
             {{"mirrors", [&](const Node& value) { read_mirrors(value, registry.mirrors, complaints); }},
              {"ca_file", path_reader(registry.ca_file, context, complaints)},
              {"credentials_file", path_reader(registry.credentials_file, context, complaints)},
              {"plain_http", boolean_reader(registry.plain_http, complaints)}},
             complaints);
  if (registry.plain_http && !registry.ca_file.empty()) {
    complaints.push_back({table.key_at, "plain_http and ca_file exclude each other: plain HTTP has no certificates"});
  }
  return registry;
}

BindMount read_bind(const Node& table, const TextContext& context, Complaints& complaints) {
  BindMount bind;
  std::size_t before = complaints.size();
  const Node* target = nullptr;
  read_table(table, "[[node.bind]]",
             {{"source", path_reader(bind.source, context, complaints)},
              {"target",
               [&](const Node& value) {
                 target = &value;
                 bind.target = path_of(value, context, complaints).value_or(std::string());
               }},
              {"read_only", boolean_reader(bind.read_only, complaints)}},
             complaints);
  if (complaints.size() > before) return bind;
  if (bind.source.empty()) complaints.push_back({table.value_at, "[[node.bind]] has no source"});
  if (bind.target.empty()) bind.target = bind.source;
  if (std::optional<std::string> reason = wrong_bind_target(bind.target)) {
    Location at = target == nullptr ? table.value_at : target->value_at;
    complaints.push_back({at, fmt::format("the target {} {}", quote(bind.target), *reason)});
  }
  return bind;
}

Result<Node> binds_from_text(std::string_view text) {
  if (text.starts_with('[')) return parse_toml_value(text);
  Node list = Node::of_array();
  for (const std::string& part : split(text, ',')) {
    Result<BindMount> bind = split_bind(part);
    if (!bind) return fail(fmt::format("{} {}", quote(part), bind.error().what));
    Node table = Node::of_table();
    table.members.emplace_back("source", Node::of_text(bind->source));
    if (!bind->target.empty()) table.members.emplace_back("target", Node::of_text(bind->target));
    table.members.emplace_back("read_only", Node::of_boolean(bind->read_only));
    list.items.push_back(std::move(table));
  }
  return list;
}

using TextKey = std::function<std::optional<std::string>(const Node&)>;

// An array of texts; `read` gives what each means, or nothing after a complaint.
std::function<void(const Node&)> texts_reader(std::vector<std::string>& into, std::string type, const TextKey& read,
                                              Complaints& complaints) {
  return [&into, type = std::move(type), read, &complaints](const Node& value) {
    if (value.type != Node::Type::kArray) return expected(type, value, complaints);
    for (const Node& item : value.items) {
      std::optional<std::string> text = read(item);
      if (!text) continue;
      if (std::find(into.begin(), into.end(), *text) == into.end())
        into.push_back(std::move(*text));
      else
        wrong(item, "is there twice", complaints);
    }
  };
}

DeviceWish read_device(const Node& table, const TextContext& context, Complaints& complaints) {
  constexpr std::int64_t kMostCount = 1024;
  DeviceWish wish;
  wish.from = context.from_file ? fmt::format("{}:{}", context.origin, table.value_at.line) : context.origin;
  const std::size_t before = complaints.size();
  auto text_that = [&](TextKey::result_type (*reason)(std::string_view), const char* type) {
    return [&complaints, reason, type](const Node& value) -> std::optional<std::string> {
      if (!is_text(value, type, complaints)) return std::nullopt;
      std::optional<std::string> what = reason(value.text);
      if (!what) return value.text;
      wrong(value, *what, complaints);
      return std::nullopt;
    };
  };
  auto node = [&](const Node& value) {
    std::optional<std::string> path = path_of(value, context, complaints);
    std::optional<std::string> reason = path ? wrong_device_path(*path) : std::nullopt;
    if (!reason) return path;
    wrong(value, *reason, complaints);
    return std::optional<std::string>();
  };
  auto count = [&](const Node& value) {
    const std::string type = fmt::format("a whole number from 1 to {}", kMostCount);
    if (value.type != Node::Type::kInteger) return expected(type, value, complaints);
    if (value.integer >= 1 && value.integer <= kMostCount) {
      wish.count = static_cast<std::uint32_t>(value.integer);
    } else {
      complaints.push_back({value.value_at, fmt::format("expected {}, got {}", type, value.integer)});
    }
  };
  auto resource = [&](const Node& value) {
    wish.resource = text_that(wrong_resource, "a resource's name in quotes")(value).value_or("");
  };
  read_table(table, "[[devices]]",
             {{"resource", resource},
              {"paths", texts_reader(wish.paths, "an array of paths", node, complaints)},
              {"cdi", texts_reader(wish.cdi, "an array of names", text_that(wrong_cdi_name, "a CDI name in quotes"),
                                   complaints)},
              {"count", count}},
             complaints);
  if (complaints.size() > before) return wish;
  if (wish.resource.empty()) complaints.push_back({table.value_at, "[[devices]] has no resource"});
  if (wish.paths.empty() && wish.cdi.empty())
    complaints.push_back({table.value_at, "[[devices]] has neither paths nor cdi"});
  return wish;
}

// One node that is two devices would be promised twice.
void check_new_device(const std::vector<DeviceWish>& list, const DeviceWish& wish, const Node& table,
                      Complaints& complaints) {
  for (const DeviceWish& old : list) {
    if (old.resource != wish.resource) continue;
    for (const auto& [ours, theirs] : {std::pair(&wish.paths, &old.paths), std::pair(&wish.cdi, &old.cdi)})
      for (const std::string& name : *ours)
        if (std::find(theirs->begin(), theirs->end(), name) != theirs->end())
          complaints.push_back(
              {table.value_at, fmt::format("{} is a device of {} already (by {}); count says how many may have it",
                                           name, wish.resource, old.from)});
  }
}

Node node_of(const DeviceWish& wish) {
  Node table = Node::of_table();
  table.members.emplace_back("resource", Node::of_text(wish.resource));
  if (!wish.paths.empty()) table.members.emplace_back("paths", Node::of_texts(wish.paths));
  if (!wish.cdi.empty()) table.members.emplace_back("cdi", Node::of_texts(wish.cdi));
  table.members.emplace_back("count", Node::of_integer(wish.count));
  return table;
}

Node node_of(const Registry& registry) {
  Node table = Node::of_table();
  if (!registry.mirrors.empty()) table.members.emplace_back("mirrors", Node::of_texts(registry.mirrors));
  if (!registry.ca_file.empty()) table.members.emplace_back("ca_file", Node::of_text(registry.ca_file));
  if (!registry.credentials_file.empty()) {
    table.members.emplace_back("credentials_file", Node::of_text(registry.credentials_file));
  }
  if (registry.plain_http) table.members.emplace_back("plain_http", Node::of_boolean(true));
  return table;
}

Result<Node> integer_from_text(std::string_view text) {
  if (std::optional<std::int64_t> number = parse_int<std::int64_t>(text)) return Node::of_integer(*number);
  return text_as_is(text);  // set() then says what was expected
}

}  // namespace

Kind text(std::string Config::*field, std::string type, TextCheck check) {
  Kind kind{.type = std::move(type)};
  kind.set = [field, check, type = kind.type](Config& config, const Node& value, const TextContext&,
                                              Complaints& complaints) {
    if (!is_text(value, type + " in quotes", complaints)) return;
    if (std::optional<std::string> reason = check(value.text)) return wrong(value, *reason, complaints);
    config.*field = value.text;
  };
  kind.from_text = text_as_is;
  kind.get = [field](const Config& config) { return Node::of_text(config.*field); };
  return kind;
}

Kind path(std::string Config::*field, std::string type) {
  Kind kind{.type = std::move(type)};
  kind.set = [field](Config& config, const Node& value, const TextContext& context, Complaints& complaints) {
    if (value.type == Node::Type::kText && value.text.empty()) {
      (config.*field).clear();
    } else if (std::optional<std::string> path = path_of(value, context, complaints)) {
      config.*field = *path;
    }
  };
  kind.from_text = text_as_is;
  kind.get = [field](const Config& config) { return Node::of_text(config.*field); };
  return kind;
}

Kind paths(std::vector<std::string> Config::*field, std::string type) {
  Kind kind{.type = std::move(type), .adds_up = true};
  kind.set = [field](Config& config, const Node& value, const TextContext& context, Complaints& complaints) {
    if (value.type != Node::Type::kArray) return expected("an array of paths", value, complaints);
    std::vector<std::string>& list = config.*field;
    if (value.items.empty()) list.clear();
    for (const Node& item : value.items) {
      std::optional<std::string> path = path_of(item, context, complaints);
      if (path && std::find(list.begin(), list.end(), *path) == list.end()) list.push_back(*path);
    }
  };
  kind.from_text = [](std::string_view text) -> Result<Node> {
    return text.starts_with('[') ? parse_toml_value(text) : Node::of_texts(split(text, ':'));
  };
  kind.get = [field](const Config& config) { return Node::of_texts(config.*field); };
  return kind;
}

Kind prefixes(std::vector<std::string> Config::*field) {
  Kind kind{.type = "networks such as 10.1.0.0/16", .adds_up = true};
  kind.set = [field](Config& config, const Node& value, const TextContext&, Complaints& complaints) {
    if (value.type != Node::Type::kArray) return expected("an array of networks", value, complaints);
    std::vector<std::string>& list = config.*field;
    if (value.items.empty()) list.clear();
    for (const Node& item : value.items) {
      if (!is_text(item, "a network in quotes, such as \"10.1.0.0/16\"", complaints)) continue;
      if (auto prefix = sublet::parse_cidr(item.text); !prefix)
        complaints.push_back({item.value_at, to_string(prefix.error())});
      else if (std::find(list.begin(), list.end(), item.text) == list.end())
        list.push_back(item.text);
    }
  };
  kind.from_text = [](std::string_view text) -> Result<Node> {
    return text.starts_with('[') ? parse_toml_value(text) : Node::of_texts(split(text, ','));
  };
  kind.get = [field](const Config& config) { return Node::of_texts(config.*field); };
  return kind;
}

Kind boolean(bool Config::*field) {
  Kind kind{.type = "true or false"};
  kind.set = [field](Config& config, const Node& value, const TextContext&, Complaints& complaints) {
    boolean_reader(config.*field, complaints)(value);
  };
  kind.from_text = [](std::string_view text) -> Result<Node> {
    if (std::optional<bool> value = parse_boolean(text)) return Node::of_boolean(*value);
    return fail(fmt::format("expected true or false, got {}", quote(text)));
  };
  kind.get = [field](const Config& config) { return Node::of_boolean(config.*field); };
  return kind;
}

Kind integer(std::uint32_t Config::*field, std::int64_t least, std::int64_t most) {
  Kind kind{.type = fmt::format("a whole number from {} to {}", least, most)};
  kind.set = [=, type = kind.type](Config& config, const Node& value, const TextContext&, Complaints& complaints) {
    if (value.type != Node::Type::kInteger) return expected(type, value, complaints);
    if (value.integer < least || value.integer > most) {
      complaints.push_back({value.value_at, fmt::format("expected {}, got {}", type, value.integer)});
      return;
    }
    config.*field = static_cast<std::uint32_t>(value.integer);
  };
  kind.from_text = integer_from_text;
  kind.get = [field](const Config& config) { return Node::of_integer(config.*field); };
  return kind;
}

Kind seconds(std::chrono::seconds Config::*field, std::int64_t least, std::int64_t most) {
  Kind kind{.type = fmt::format("seconds from {} to {}, or a text such as \"90s\", \"3m\", \"1h\"", least, most)};
  kind.set = [=, type = kind.type](Config& config, const Node& value, const TextContext&, Complaints& complaints) {
    std::optional<std::int64_t> count;
    if (value.type == Node::Type::kInteger) count = value.integer;
    if (value.type == Node::Type::kText) count = parse_seconds(value.text);
    if (!count) return expected(type, value, complaints);
    if (*count < least || *count > most) {
      complaints.push_back({value.value_at, fmt::format("expected {}, got {}", type, *count)});
      return;
    }
    config.*field = std::chrono::seconds(*count);
  };
  kind.from_text = integer_from_text;
  kind.get = [field](const Config& config) { return Node::of_integer((config.*field).count()); };
  return kind;
}

Kind cidr(std::string Config::*field, int shortest, int longest) {
  return text(field, fmt::format("an IPv4 network with a prefix length of {} to {}", shortest, longest),
              [=](std::string_view text) -> std::optional<std::string> {
                Result<Cidr> parsed = parse_cidr(text);
                if (!parsed) return parsed.error().what;
                if (parsed->prefix < shortest || parsed->prefix > longest) {
                  return fmt::format("must have a prefix length from {} to {}", shortest, longest);
                }
                return std::nullopt;
              });
}

// The tables of an array of them, one by one; an empty array takes back what lists before it had.
template <typename T, typename Take>
void each_table(std::vector<T>& list, const Node& value, const char* heading, const char* needed,
                Complaints& complaints, const Take& take) {
  if (value.type != Node::Type::kArray)
    return expected(fmt::format("{} tables (two brackets) with {}", heading, needed), value, complaints);
  if (value.items.empty()) list.clear();
  for (const Node& item : value.items) {
    if (item.type == Node::Type::kTable)
      take(item);
    else
      expected(fmt::format("a table with {}", needed), item, complaints);
  }
}

Kind binds(std::vector<BindMount> Config::*field) {
  Kind kind{.type = "array of tables: source, target, read_only", .adds_up = true};
  kind.set = [field](Config& config, const Node& value, const TextContext& context, Complaints& complaints) {
    std::vector<BindMount>& list = config.*field;
    each_table(list, value, "[[node.bind]]", "a source", complaints, [&](const Node& item) {
      BindMount bind = read_bind(item, context, complaints);
      std::erase_if(list, [&](const BindMount& old) { return old.target == bind.target; });
      list.push_back(std::move(bind));
    });
  };
  kind.from_text = binds_from_text;
  kind.get = [field](const Config& config) {
    Node list = Node::of_array();
    for (const BindMount& bind : config.*field) {
      Node table = Node::of_table();
      table.members.emplace_back("source", Node::of_text(bind.source));
      table.members.emplace_back("target", Node::of_text(bind.target));
      if (bind.read_only) table.members.emplace_back("read_only", Node::of_boolean(true));
      list.items.push_back(std::move(table));
    }
    return list;
  };
  return kind;
}

Kind devices(std::vector<DeviceWish> Config::*field) {
  Kind kind{.type = "array of tables: resource, paths, cdi, count", .adds_up = true};
  kind.set = [field](Config& config, const Node& value, const TextContext& context, Complaints& complaints) {
    std::vector<DeviceWish>& list = config.*field;
    each_table(list, value, "[[devices]]", "a resource", complaints, [&](const Node& item) {
      DeviceWish wish = read_device(item, context, complaints);
      check_new_device(list, wish, item, complaints);
      list.push_back(std::move(wish));
    });
  };
  kind.from_text = [](std::string_view text) { return parse_toml_value(text.empty() ? "[]" : text); };
  kind.get = [field](const Config& config) {
    Node list = Node::of_array();
    for (const DeviceWish& wish : config.*field) list.items.push_back(node_of(wish));
    return list;
  };
  return kind;
}

Kind registries(std::map<std::string, Registry> Config::*field) {
  Kind kind{.type = "tables by host: mirrors, ca_file, credentials_file, plain_http", .adds_up = true};
  kind.set = [field](Config& config, const Node& value, const TextContext& context, Complaints& complaints) {
    if (value.type != Node::Type::kTable) return expected("a table for each host", value, complaints);
    if (value.members.empty()) (config.*field).clear();
    for (const auto& [host, settings] : value.members) {
      if (std::optional<std::string> reason = wrong_registry_host(host)) {
        complaints.push_back({settings.key_at, fmt::format("the registry {} {}", quote(host), *reason)});
      } else if (settings.type != Node::Type::kTable) {
        expected(fmt::format("[registries.{}] with keys below it", quote(host)), settings, complaints);
      } else if (auto inner = std::find_if(settings.members.begin(), settings.members.end(), is_table);
                 inner != settings.members.end()) {
        // [registries.ghcr.io] without quotes is TOML's registries → ghcr → io.
        complaints.push_back({inner->second.key_at,
                              fmt::format("a host is written in quotes: [registries.\"{}.{}\"]", host, inner->first)});
      } else {
        (config.*field)[host] =
            read_registry(settings, fmt::format("[registries.{}]", quote(host)), context, complaints);
      }
    }
  };
  kind.from_text = [](std::string_view text) { return parse_toml_value(text.empty() ? "{}" : text); };
  kind.get = [field](const Config& config) {
    Node table = Node::of_table();
    for (const auto& [host, registry] : config.*field) table.members.emplace_back(host, node_of(registry));
    return table;
  };
  return kind;
}

Kind choice_of(std::vector<std::string> names, std::function<void(Config&, std::size_t)> set,
               std::function<std::size_t(const Config&)> get) {
  std::string type = "one of";
  for (const std::string& name : names) type += (name == names.front() ? " " : ", ") + quote(name);
  Kind kind{.type = type, .choices = names};
  kind.set = [names, type, set](Config& config, const Node& value, const TextContext&, Complaints& complaints) {
    if (!is_text(value, type, complaints)) return;
    auto found = std::find(names.begin(), names.end(), value.text);
    if (found != names.end()) return set(config, static_cast<std::size_t>(found - names.begin()));
    std::string got = quote(value.text) + did_you_mean(value.text, names);
    complaints.push_back({value.value_at, fmt::format("expected {}, got {}", type, got)});
  };
  kind.from_text = text_as_is;
  kind.get = [names, get](const Config& config) {
    CHECK(get(config) < names.size());
    return Node::of_text(names[get(config)]);
  };
  return kind;
}

Kind choice(std::string Config::*field, std::vector<std::string> names) {
  return choice_of(
      names, [=](Config& config, std::size_t index) { config.*field = names[index]; },
      [=](const Config& config) {
        return static_cast<std::size_t>(std::find(names.begin(), names.end(), config.*field) - names.begin());
      });
}

}  // namespace sublet::launcher::kinds
