// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "base/sys.h"
#include "launcher/config/files.h"
#include "launcher/config/keys.h"
#include "launcher/config/suggest.h"
#include "launcher/config/toml.h"

extern char** environ;

namespace sublet::launcher {
namespace {

constexpr const char* kSiteDir = "/etc/sublet";
// A file full of mistakes must not scroll the first ones away.
constexpr std::size_t kMostReports = 20;

/// The Config as it grows, source after source.
class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {
    for (const Key& key : keys()) loaded_.origins.push_back({key.name, "default"});
  }

  void read_file(const std::string& path, bool required);
  void read_environment();
  void read_settings();
  void check_together();
  void report(std::string text) { reports_.push_back(std::move(text)); }
  [[nodiscard]] Result<Loaded> finish() &&;

 private:
  void read_table(const Node& table, const std::string& prefix, const std::string& path);
  void apply(const Key& key, const Node& value, const std::string& file, const std::string& origin);
  void apply_text(const Key& key, std::string_view text, const std::string& origin);
  void check_networks();
  [[nodiscard]] const std::string& origin_of(std::string_view name) const;

  const Sources& sources_;
  Loaded loaded_;
  std::vector<std::string> reports_;
};

const std::string& Loader::origin_of(std::string_view name) const {
  return std::find_if(loaded_.origins.begin(), loaded_.origins.end(), [&](const KeyOrigin& o) { return o.key == name; })
      ->from;
}

void Loader::apply(const Key& key, const Node& value, const std::string& file, const std::string& origin) {
  TextContext context{
      .from_file = !file.empty(), .origin = file.empty() ? origin : file, .cwd = sources_.cwd, .env = &sources_.env};
  Complaints complaints;
  key.kind.set(loaded_.config, value, context, complaints);
  for (const Complaint& complaint : complaints) {
    report(diagnostic(file.empty() ? origin : file, complaint.at, complaint.what));
  }
  for (KeyOrigin& known : loaded_.origins) {
    if (known.key != key.name) continue;
    bool adds = key.kind.adds_up && known.from != "default" && value.items.size() + value.members.size() > 0;
    known.from = adds ? known.from + ", " + origin : origin;
  }
}

void Loader::apply_text(const Key& key, std::string_view text, const std::string& origin) {
  Result<Node> value = key.kind.from_text(text);
  if (!value) return report(fmt::format("{}: {}", origin, value.error().what));
  apply(key, *value, {}, origin);
}

bool is_prefix_of_a_key(const std::string& prefix) {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.name.starts_with(prefix + "."); });
}

std::vector<std::string> tables_and_keys() {
  std::vector<std::string> names = key_names();
  for (const Key& key : keys()) {
    std::string table = key.name.substr(0, key.name.find('.'));
    if (std::find(names.begin(), names.end(), table) == names.end()) names.push_back(table);
  }
  return names;
}

void Loader::read_table(const Node& table, const std::string& prefix, const std::string& path) {
  for (const auto& [member, value] : table.members) {
    std::string name = prefix.empty() ? member : prefix + "." + member;
    if (const Key* key = find_key(name)) {
      apply(*key, value, path, fmt::format("{}:{}", path, value.value_at.line));
    } else if (!is_prefix_of_a_key(name)) {
      std::string what = value.type == Node::Type::kTable ? "table" : "key";
      report(diagnostic(path, value.key_at,
                        fmt::format("unknown {} {}{}", what, quote(name), did_you_mean(name, tables_and_keys()))));
    } else if (value.type == Node::Type::kTable) {
      read_table(value, name, path);
    } else {
      report(diagnostic(path, value.key_at, fmt::format("{} is a table: write [{}], and its keys below", name, name)));
    }
  }
}

void Loader::read_file(const std::string& path, bool required) {
  Result<std::optional<std::string>> text = read_trusted_file(path, required);
  if (!text) return report(to_string(text.error()));
  if (!*text) return;
  Result<Node> document = parse_toml(**text, path);
  if (!document) return report(document.error().what);
  read_table(*document, {}, path);
}

bool is_other_variable(std::string_view name) {
  for (const OtherVariable& other : other_variables()) {
    if (other.name == name) return true;
    if (other.name.ends_with('*') && name.starts_with(other.name.substr(0, other.name.size() - 1))) return true;
  }
  return false;
}

/// What a key's variable would be called by the rule alone: SUBLET_CLUSTER_NAME is what one tries for SUBLET_NAME.
std::string env_by_rule(const Key& key) {
  std::string name = "SUBLET_";
  for (char c : key.name) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name;
}

void Loader::read_environment() {
  for (const auto& variable : sources_.env) {
    // By name of their own: clang 14 captures no structured binding.
    const std::string& name = variable.first;
    const std::string& value = variable.second;
    if (!name.starts_with("SUBLET_") || is_other_variable(name)) continue;
    auto key = std::find_if(keys().begin(), keys().end(), [&](const Key& k) { return k.env == name; });
    if (key != keys().end()) {
      // As XDG's and most variables: set to nothing is not set.
      if (!value.empty()) apply_text(*key, value, name);
      continue;
    }
    std::vector<std::string> names;
    for (const Key& k : keys()) names.push_back(env_by_rule(k) == name ? name + "\n" + k.env : k.env);
    auto renamed = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.starts_with(name + "\n"); });
    std::string meant =
        renamed != names.end() ? "; did you mean " + renamed->substr(name.size() + 1) + "?" : did_you_mean(name, names);
    report(fmt::format("{}: no such variable of sublet's{}", name, meant));
  }
}

void Loader::read_settings() {
  for (const Setting& setting : sources_.settings) {
    if (const Key* key = find_key(setting.key)) {
      apply_text(*key, setting.value, setting.origin);
    } else {
      report(fmt::format("{}: unknown key {}{}", setting.origin, quote(setting.key),
                         did_you_mean(setting.key, key_names())));
    }
  }
}

void Loader::check_networks() {
  const Config& config = loaded_.config;
  const std::pair<const char*, const std::string*> networks[] = {{"network.node_cidr", &config.node_cidr},
                                                                 {"network.pod_cidr", &config.pod_cidr},
                                                                 {"network.service_cidr", &config.service_cidr}};
  for (std::size_t i = 0; i < std::size(networks); ++i) {
    for (std::size_t j = i + 1; j < std::size(networks); ++j) {
      Result<Cidr> a = parse_cidr(*networks[i].second);
      Result<Cidr> b = parse_cidr(*networks[j].second);
      if (!a || !b || !overlap(*a, *b)) continue;
      report(fmt::format("{} {} (from {}) and {} {} (from {}) overlap", networks[i].first, *networks[i].second,
                         origin_of(networks[i].first), networks[j].first, *networks[j].second,
                         origin_of(networks[j].first)));
    }
  }
}

void Loader::check_together() {
  const Config& config = loaded_.config;
  check_networks();
  if (config.ipv6 && config.mtu < 1280) {  // RFC 8200, 5
    report(
        fmt::format("network.mtu {} (from {}) is too small for IPv6, which needs 1280: raise it or set "
                    "network.ipv6 = false",
                    config.mtu, origin_of("network.mtu")));
  }
  for (const auto& [host, registry] : config.registries) {
    if (registry.credentials_file.empty()) continue;
    Result<void> secret = check_secret_file(registry.credentials_file);
    if (!secret) report(fmt::format("credentials_file of registry {}: {}", quote(host), to_string(secret.error())));
  }
}

Result<Loaded> Loader::finish() && {
  if (reports_.empty()) return std::move(loaded_);
  if (reports_.size() > kMostReports) {
    std::size_t more = reports_.size() - kMostReports;
    reports_.resize(kMostReports);
    reports_.push_back(fmt::format("… and {} more", more));
  }
  return fail(join(reports_, "\n"), "sublet.toml(5) has all keys; `sublet config` shows each value and its origin",
              ExitCode::kUsage);
}

}  // namespace

Result<Loaded> load_config(const Sources& sources) {
  Loader loader(sources);
  Result<std::vector<std::string>> site = toml_files(sources.site_dir);
  if (!site) loader.report(to_string(site.error()));
  for (const std::string& path : site.value_or(std::vector<std::string>())) loader.read_file(path, true);
  if (!sources.user_file.empty()) loader.read_file(sources.user_file, sources.user_file_required);
  loader.read_environment();
  loader.read_settings();
  loader.check_together();
  return std::move(loader).finish();
}

Sources default_sources(std::vector<Setting> settings, const std::string& config_file) {
  Sources sources{.site_dir = kSiteDir, .settings = std::move(settings)};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    char* equals = std::strchr(*entry, '=');
    if (equals != nullptr) sources.env.emplace(std::string(*entry, equals), equals + 1);
  }
  auto get = [&](const char* name) {
    auto found = sources.env.find(name);
    return found == sources.env.end() ? std::string() : found->second;
  };
  char cwd[PATH_MAX];
  sources.cwd = ::getcwd(cwd, sizeof cwd) != nullptr ? cwd : "/";
  if (get("HOME").empty()) {
    const passwd* entry = ::getpwuid(::getuid());
    if (entry != nullptr && entry->pw_dir != nullptr) sources.env["HOME"] = entry->pw_dir;
  }
  if (std::string dir = get("SUBLET_SITE_DIR"); !dir.empty()) sources.site_dir = dir;
  std::string named = config_file.empty() ? get("SUBLET_CONFIG") : config_file;
  if (!named.empty()) {
    sources.user_file = named.front() == '/' ? named : sources.cwd + "/" + named;
    sources.user_file_required = true;
  } else if (std::string xdg = get("XDG_CONFIG_HOME"); xdg.starts_with('/')) {  // the specification: else ignore it
    sources.user_file = xdg + "/sublet/sublet.toml";
  } else if (std::string home = get("HOME"); !home.empty()) {
    sources.user_file = home + "/.config/sublet/sublet.toml";
  }
  return sources;
}

}  // namespace sublet::launcher
