// SPDX-License-Identifier: Apache-2.0
// The table of keys against what is written about it: no key, default or variable is missing or left behind.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "base/fs.h"
#include "base/strings.h"
#include "launcher/config/keys.h"
#include "launcher/config/load.h"
#include "launcher/config/render.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

std::string source(const std::string& path) { return *fs::read_file(std::string(SUBLET_SOURCE_DIR) + "/" + path); }

/// "network.mtu" for each "*network.mtu*" that starts a line of the page's KEYS: the entries.
std::set<std::string> entries(const std::string& page) {
  std::set<std::string> found;
  static const std::regex kEntry(R"(^\*([a-z0-9_.]+)\* = .*$)");
  for (const std::string& line : lines(page)) {
    std::smatch match;
    if (std::regex_match(line, match, kEntry)) found.insert(match[1]);
  }
  return found;
}

}  // namespace

TEST_CASE("keys: names, variables and flags are unique, and variables follow the rule", "[config]") {
  std::set<std::string> names, variables, flags;
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    CHECK(variables.insert(key.env).second);
    CHECK(key.env.starts_with("SUBLET_"));
    CHECK((key.flag.empty() || flags.insert(key.flag).second));
    CHECK(key.flag.empty() == (key.scope == FlagScope::kNone));
    CHECK((key.flag.empty() || key.metavar.empty() != key.flag_value.empty()));
    CHECK(key.doc.ends_with('.'));
  }
}

TEST_CASE("keys: every default passes its own check", "[config]") {
  Environment env;
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    Config config;
    Complaints complaints;
    key.kind.set(config, key.kind.get(Config{}), {.cwd = "/", .env = &env}, complaints);
    CHECK(complaints.empty());
    CHECK(key.kind.get(config).as_toml() == key.kind.get(Config{}).as_toml());
  }
}

TEST_CASE("keys: manifests/sublet.toml is the table's sample (set SUBLET_TEST_UPDATE to write it)", "[config]") {
  if (std::getenv("SUBLET_TEST_UPDATE") != nullptr) {
    REQUIRE(fs::write_file(SUBLET_SOURCE_DIR "/manifests/sublet.toml", sample_file(), 0644));
  }
  CHECK(source("manifests/sublet.toml") == sample_file());
}

TEST_CASE("keys: the sample can be used as it is and with every line made active", "[config]") {
  fs::ScopedTempDir dir = *fs::ScopedTempDir::create();
  Sources sources{.user_file = dir.path() + "/a.toml",
                  .user_file_required = true,
                  .env = {{"HOME", dir.path()}, {"USER", "u"}},
                  .cwd = "/"};
  REQUIRE(fs::write_file(sources.user_file, sample_file()));
  CHECK(load_config(sources));
  std::string active;
  for (const std::string& line : lines(sample_file())) {
    bool example = line.ends_with("# for example");
    if (example) active = active.substr(0, active.rfind('\n', active.size() - 2) + 1);  // it replaces the line above
    active += (line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
  }
  REQUIRE(fs::make_directories(dir.path() + "/.config/sublet", 0700));
  REQUIRE(fs::make_directories(dir.path() + "/.docker", 0700));
  REQUIRE(fs::write_file(dir.path() + "/.docker/config.json", "u:p"));
  REQUIRE(fs::write_file(sources.user_file, active));
  Result<Loaded> loaded = load_config(sources);
  INFO(active << (loaded ? "" : to_string(loaded.error())));
  REQUIRE(loaded);
  for (const KeyOrigin& origin : loaded->origins) {
    CAPTURE(origin.key);
    CHECK(origin.from != "default");
  }
}

TEST_CASE("keys: sublet.toml(5) has each key with its default and variable, and no other", "[config]") {
  std::string page = source("docs/man/sublet.toml.5.scd");
  std::set<std::string> known;
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    known.insert(key.name);
    CHECK(page.find("\n*" + key.name + "* = " + key.kind.get(Config{}).as_toml() + "\n") != std::string::npos);
    CHECK(page.find("*" + key.env + "*") != std::string::npos);
    for (const std::string& choice : key.kind.choices) CHECK(page.find("\"" + choice + "\"") != std::string::npos);
  }
  CHECK(entries(page) == known);
  for (const OtherVariable& other : other_variables())
    CHECK(page.find("\n*" + std::string(other.name.substr(0, other.name.find('*')))) != std::string::npos);
}
