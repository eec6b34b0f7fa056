// SPDX-License-Identifier: Apache-2.0
// The tables of verbs and options against sublet(1) and the completions: nothing is missing and nothing is left behind.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <regex>
#include <set>

#include "base/fs.h"
#include "base/strings.h"
#include "launcher/cli/completions.h"
#include "launcher/cli/verbs.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

/// The lines of a part of the page, from its heading to the next of the same rank.
std::vector<std::string> part(const std::string& page, const std::string& heading) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string& line : lines(page)) {
    if (line.starts_with("# ")) inside = line == heading;
    if (inside) found.push_back(line);
  }
  return found;
}

void keep_same(const std::string& name, const std::string& made) {
  std::string path = std::string(SUBLET_SOURCE_DIR) + "/docs/completions/" + name;
  if (std::getenv("SUBLET_TEST_UPDATE") != nullptr) REQUIRE(fs::write_file(path, made, 0644));
  CHECK(*fs::read_file(path) == made);
}

}  // namespace

TEST_CASE("sublet(1): has each verb with its example, and no other", "[cli]") {
  std::string page = *fs::read_file(SUBLET_SOURCE_DIR "/docs/man/sublet.1.scd");
  std::set<std::string> documented;
  static const std::regex kVerb(R"(^\*([a-z]+)\*.*$)");
  for (const std::string& line : part(page, "# VERBS")) {
    std::smatch match;
    if (std::regex_match(line, match, kVerb)) documented.insert(match[1]);
  }
  std::set<std::string> known;
  for (const VerbSpec& verb : verbs()) {
    CAPTURE(verb.name);
    known.insert(std::string(verb.name));
    CHECK(page.find("\n\t*" + std::string(verb.example) + "*\n") != std::string::npos);
  }
  CHECK(documented == known);
}

TEST_CASE("sublet(1): has each option with its short name and value, and no other", "[cli]") {
  std::string page = *fs::read_file(SUBLET_SOURCE_DIR "/docs/man/sublet.1.scd");
  std::set<std::string> documented;
  static const std::regex kOption(R"(^(\*-([a-z])\*, )?\*(--[a-z-]+)\*( .*)?$)");
  for (const std::string& line : part(page, "# OPTIONS")) {
    std::smatch match;
    if (!std::regex_match(line, match, kOption)) continue;
    documented.insert(match[3]);
    if (match[3] == "--version") continue;
    CAPTURE(line);
    const OptionSpec* option = find_option(match[3].str());
    REQUIRE(option != nullptr);
    CHECK(match[2].str() == (option->short_name == 0 ? "" : std::string(1, option->short_name)));
    CHECK(match[4].matched == option->takes_value());
  }
  std::set<std::string> known{"--version"};
  for (const OptionSpec& option : options()) known.insert(option.long_name);
  CHECK(documented == known);
}

TEST_CASE("options: no two of one verb are called alike", "[cli]") {
  for (const VerbSpec& verb : verbs()) {
    std::set<std::string> names;
    for (const OptionSpec& option : options()) {
      if (!option.belongs_to(verb.verb)) continue;
      CAPTURE(verb.name, option.long_name);
      CHECK(names.insert(option.long_name).second);
      if (option.short_name != 0) CHECK(names.insert(std::string(1, option.short_name)).second);
    }
  }
}

TEST_CASE("help: each verb's names its options, fits 80 columns and has an example", "[cli]") {
  for (const VerbSpec& verb : verbs()) {
    std::string text = help_text(verb.verb);
    CAPTURE(text);
    CHECK(text.find("\nExample\n  ") != std::string::npos);
    CHECK(text.find(verb.example) != std::string::npos);
    CHECK(help_text().find("\n  " + std::string(verb.name) + " ") != std::string::npos);
    for (const OptionSpec& option : options()) {
      if (option.belongs_to(verb.verb)) CHECK(text.find(option.long_name) != std::string::npos);
    }
    for (const std::string& line : lines(text + help_text())) {
      auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
      CHECK(line.size() - static_cast<std::size_t>(std::count_if(line.begin(), line.end(), continues)) <= 80);
    }
  }
}

TEST_CASE("completions: the files are what the tables give (set SUBLET_TEST_UPDATE to write them)", "[cli]") {
  keep_same("sublet.bash", bash_completion());
  keep_same("_sublet", zsh_completion());
  keep_same("sublet.fish", fish_completion());
}

TEST_CASE("completions: each has each verb, each option and each key", "[cli]") {
  for (const std::string& text : {bash_completion(), zsh_completion(), fish_completion()}) {
    for (const VerbSpec& verb : verbs()) CHECK(text.find(verb.name) != std::string::npos);
    for (const OptionSpec& option : options()) {
      CAPTURE(option.long_name);
      bool plain = text.find(option.long_name) != std::string::npos;
      CHECK((plain || text.find("-l " + option.long_name.substr(2) + " ") != std::string::npos));
    }
    for (const std::string& key : key_names()) CHECK(text.find(key + "=") != std::string::npos);
  }
}
