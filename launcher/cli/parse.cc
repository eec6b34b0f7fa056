// SPDX-License-Identifier: Apache-2.0
// The verb is looked for first, by hand: what follows `kubectl`, or run's CMD, is not ours to parse, and only one
// verb's options are then given to CLI11 (whose subcommands would also take an argument that is called like a verb for
// one).
#include "launcher/cli/parse.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "base/strings.h"
#include "launcher/config/suggest.h"

namespace sublet::launcher {
namespace {

using Words = std::vector<std::string>;

Unexpected misuse(std::string what, std::string hint = {}) {
  return fail(std::move(what), std::move(hint), ExitCode::kUsage);
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

/// Where the first word that is neither an option nor an option's value stands, from `at` on.
std::size_t first_plain_word(const Words& words, std::size_t at) {
  for (; at < words.size(); ++at) {
    if (!is_option(words[at]) || words[at] == "--") return at;
    const OptionSpec* option = find_option(words[at]);
    if (option != nullptr && option->takes_value()) ++at;
  }
  return words.size();
}

Unexpected unknown_word(Verb verb, const std::string& word) {
  std::string_view name = spec_of(verb).name;
  if (!is_option(word)) {
    return misuse(fmt::format("unexpected argument \"{}\" of {}", word, name),
                  fmt::format("`sublet help {}` says what it takes", name));
  }
  Words names;
  for (const OptionSpec& option : options()) {
    if (option.belongs_to(verb)) names.push_back(option.long_name);
  }
  std::string typed = word.substr(0, word.find('='));
  return misuse(fmt::format("{} has no option {}{}", name, typed, did_you_mean(typed, names)),
                fmt::format("`sublet help {}` lists its options", name));
}

/// What CLI11 made of the words: each option's values, in the order given, and the rest.
struct Parsed {
  std::vector<std::pair<const OptionSpec*, std::string>> given;
  Words plain;
};

Result<Parsed> parse_words(Verb verb, const Words& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::map<const CLI::Option*, const OptionSpec*> specs;
  for (const OptionSpec& option : options()) {
    if (!option.belongs_to(verb)) continue;
    std::string names = option.long_name;
    if (option.short_name != 0) names += std::string(",-") + option.short_name;
    CLI::Option* added =
        option.takes_value() ? app.add_option(names, [](const CLI::results_t&) { return true; }) : app.add_flag(names);
    if (option.takes_value()) added->expected(1)->type_name(option.metavar);
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    specs[added] = &option;
  }
  try {
    Words reversed(words.rbegin(), words.rend());  // CLI11 takes them from the back
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();  // "--image: 1 required FILE missing"
    const OptionSpec* option = find_option(what.substr(0, what.find(':')));
    if (option == nullptr || !option->takes_value()) return misuse(fmt::format("{}: {}", spec_of(verb).name, what));
    return misuse(fmt::format("{} needs a value: {}", option->long_name, option->metavar));
  }
  Parsed parsed;
  for (const std::string& word : app.remaining()) {
    if (is_option(word) && word != "--") return unknown_word(verb, word);
    if (word != "--") parsed.plain.push_back(word);
  }
  std::map<const CLI::Option*, std::size_t> used;
  for (const CLI::Option* option : app.parse_order()) {
    std::size_t nth = used[option]++;
    if (nth < option->results().size()) parsed.given.emplace_back(specs.at(option), option->results()[nth]);
  }
  return parsed;
}

Result<void> apply_setting(Options& wanted, const std::string& text) {
  std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return misuse(fmt::format("--set {}: not of the form KEY=VALUE", text));
  }
  std::string key = text.substr(0, equals);
  wanted.settings.push_back({key, text.substr(equals + 1), "--set " + key});
  return {};
}

Result<void> apply(Options& wanted, const OptionSpec& option, const std::string& value) {
  if (!option.takes_value() && value != "true") return misuse(fmt::format("{} takes no value", option.long_name));
  switch (option.id) {
    case OptionId::kKey:
      wanted.settings.push_back(
          {option.key->name, option.takes_value() ? value : option.key->flag_value, option.long_name});
      break;
    case OptionId::kSet: return apply_setting(wanted, value);
    case OptionId::kConfig: wanted.config_file = value; break;
    case OptionId::kVerbose: ++wanted.verbose; break;
    case OptionId::kQuiet: wanted.quiet = true; break;
    case OptionId::kHelp: break;  // seen to before
    case OptionId::kJson: wanted.json = true; break;
    case OptionId::kDryRun: wanted.dry_run = true; break;
    case OptionId::kDetach: wanted.detach = true; break;
    case OptionId::kStale: wanted.stale = true; break;
    case OptionId::kAll: wanted.all = true; break;
    case OptionId::kAdmin: wanted.admin = true; break;
    case OptionId::kPath: wanted.path = true; break;
    case OptionId::kFollow: wanted.follow = true; break;
    case OptionId::kNet: wanted.net = true; break;
    case OptionId::kSvg: wanted.svg_file = value; break;
    case OptionId::kNamespace: wanted.name_space = value; break;
    case OptionId::kAllHosts: wanted.all_hosts = true; break;
    case OptionId::kPublic: wanted.open = true; break;
    case OptionId::kRemove: wanted.remove = true; break;
    case OptionId::kEnvFile: wanted.env_file = value; break;
    case OptionId::kPort: {
      const auto port = parse_int<std::uint16_t>(value);
      if (!port) return misuse(fmt::format("--port: expected a port, 1 to 65535 or 0 for any, got \"{}\"", value));
      wanted.port = *port;
      break;
    }
    case OptionId::kLines:
      wanted.lines = parse_int<unsigned>(value);
      if (!wanted.lines) return misuse(fmt::format("{}: expected a whole number, got \"{}\"", option.long_name, value));
      break;
  }
  if (option.takes_value() && value.empty())
    return misuse(fmt::format("{} needs a value: {}", option.long_name, option.metavar));
  return {};
}

Result<void> apply_images(Options& wanted, const Words& plain) {
  if (plain.empty()) return misuse("images: say what: import FILE… or list");
  if (plain[0] == "list") {
    if (plain.size() > 1) return unknown_word(Verb::kImages, plain[1]);
    return {};
  }
  if (plain[0] != "import") {
    return misuse(fmt::format("images: unknown action \"{}\"{}", plain[0], did_you_mean(plain[0], {"import", "list"})),
                  "it is import FILE… or list");
  }
  wanted.images = ImagesAction::kImport;
  wanted.files.assign(plain.begin() + 1, plain.end());
  if (wanted.files.empty()) return misuse("images import: no FILE given");
  return {};
}

Result<void> apply_plain_words(Options& wanted, const Words& plain) {
  if (wanted.verb == Verb::kImages) return apply_images(wanted, plain);
  if (wanted.verb == Verb::kExpose && plain.size() == 1) {
    wanted.service = plain[0];
    return {};
  }
  if (wanted.verb == Verb::kLogs && plain.size() == 1) {
    std::span<const std::string_view> known = log_components();
    wanted.component = plain[0];
    if (std::find(known.begin(), known.end(), plain[0]) != known.end()) return {};
    return misuse(
        fmt::format("logs: no component \"{}\"{}", plain[0], did_you_mean(plain[0], Words(known.begin(), known.end()))),
        "`sublet help logs` lists them");
  }
  if (plain.empty()) return {};
  return unknown_word(wanted.verb, wanted.verb == Verb::kLogs || wanted.verb == Verb::kExpose ? plain[1] : plain[0]);
}

Result<void> check(Options& wanted) {
  if (wanted.verb == Verb::kRun && wanted.command.empty()) {
    return misuse("run: no command given", "for example: sublet run -- ./job.sh");
  }
  if (wanted.verb == Verb::kExec && wanted.command.empty()) {
    return misuse("exec: no command given", "for example: sublet exec -- mpirun -n 4 ./simulation");
  }
  const bool one_only = wanted.remove || wanted.open || wanted.port != 0 || !wanted.env_file.empty();
  if (wanted.verb == Verb::kExpose && wanted.service.empty() && one_only)
    return misuse("expose: of which Service?", "for example: sublet expose svc/redis");
  if (wanted.quiet && wanted.verbose > 0) return misuse("--quiet and --verbose exclude each other");
  if (wanted.stale && wanted.all) return misuse("--stale and --all exclude each other");
  if (wanted.quiet) wanted.settings.push_back({"logs.level", "error", "--quiet"});
  if (wanted.verbose == 1) wanted.settings.push_back({"logs.level", "info", "--verbose"});
  if (wanted.verbose > 1) wanted.settings.push_back({"logs.level", "debug", "--verbose"});
  return {};
}

Result<Options> help_about(const Words& plain) {
  Options wanted;
  if (plain.size() > 1) return unknown_word(Verb::kHelp, plain[1]);
  const VerbSpec* verb = plain.empty() ? nullptr : find_verb(plain[0]);
  if (!plain.empty() && verb == nullptr) {
    Words names;
    for (const VerbSpec& spec : verbs()) names.emplace_back(spec.name);
    return misuse(fmt::format("unknown verb \"{}\"{}", plain[0], did_you_mean(plain[0], names)),
                  "`sublet help` lists all verbs");
  }
  wanted.text = verb == nullptr ? help_text() : help_text(verb->verb);
  return wanted;
}

/// No verb: only `sublet`, `sublet --help` and `sublet --version` make sense.
Result<Options> without_verb(const Words& words) {
  Options wanted{.text = help_text(), .exit = ExitCode::kUsage};
  if (words.empty()) return wanted;
  if (words[0] == "--version" || words[0] == "-V") return Options{.verb = Verb::kVersion};
  if (words[0] == "--help" || words[0] == "-h") return help_about({});
  Words names{"--version"};
  for (const OptionSpec& option : options()) names.push_back(option.long_name);
  std::string typed = words[0].substr(0, words[0].find('='));
  std::string hint = "`sublet help` lists all verbs and options";
  if (typed.starts_with("--") && find_option(typed) == nullptr) {
    return misuse(fmt::format("unknown option {}{}", typed, did_you_mean(typed, names)), hint);
  }
  return misuse("no verb given", hint);
}

}  // namespace

Result<Options> parse_command_line(const Words& arguments) {
  std::size_t at = first_plain_word(arguments, 0);
  if (at == arguments.size() || arguments[at] == "--") {
    return without_verb(Words(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(at)));
  }
  const VerbSpec* verb = find_verb(arguments[at]);
  if (verb == nullptr) return help_about({arguments[at]});  // whose error it is
  Options wanted{.verb = verb->verb};

  std::size_t end = arguments.size();  // of what is ours
  if (verb->verb == Verb::kKubectl) end = at + 1;
  if (verb->verb == Verb::kRun || verb->verb == Verb::kExec)
    end = std::min(first_plain_word(arguments, at + 1), arguments.size());
  auto position = [&](std::size_t index) { return arguments.begin() + static_cast<std::ptrdiff_t>(index); };
  wanted.command.assign(position(end), arguments.end());
  if (!wanted.command.empty() && wanted.command[0] == "--") wanted.command.erase(wanted.command.begin());
  Words ours(arguments.begin(), position(at));
  ours.insert(ours.end(), position(at + 1), position(end));

  Parsed parsed = TRY(parse_words(verb->verb, ours));
  for (const auto& [option, value] : parsed.given) {
    if (option->id == OptionId::kHelp) return help_about({std::string(verb->name)});
  }
  if (verb->verb == Verb::kHelp) return help_about(parsed.plain);
  for (const auto& [option, value] : parsed.given) TRY(apply(wanted, *option, value));
  TRY(apply_plain_words(wanted, parsed.plain));
  TRY(check(wanted));
  return wanted;
}

Result<Options> parse_command_line(int argc, char** argv) {
  return parse_command_line(argc > 1 ? Words(argv + 1, argv + argc) : Words());
}

}  // namespace sublet::launcher
