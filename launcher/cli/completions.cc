// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/completions.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "launcher/cli/verbs.h"

namespace sublet::launcher {
namespace {

constexpr const char* kHeader =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# Made from the tables of verbs, options and keys: SUBLET_TEST_UPDATE=1 and the unit tests of the command line\n"
    "# write it anew.\n";

using Words = std::vector<std::string>;

/// What may follow an option.
enum class Follows { kNothing, kAnyText, kFile, kDirectory, kWords };

struct Value {
  Follows follows = Follows::kNothing;
  Words words;
};

Words verb_names() {
  Words names;
  for (const VerbSpec& verb : verbs()) names.emplace_back(verb.name);
  return names;
}

Words component_names() { return {log_components().begin(), log_components().end()}; }

Value value_of(const OptionSpec& option) {
  if (!option.takes_value()) return {};
  if (option.metavar == "FILE" || option.metavar.starts_with("SRC")) return {Follows::kFile, {}};
  if (option.metavar == "DIR") return {Follows::kDirectory, {}};
  if (option.key != nullptr && !option.key->kind.choices.empty()) return {Follows::kWords, option.key->kind.choices};
  if (option.id != OptionId::kSet) return {Follows::kAnyText, {}};
  Value value{Follows::kWords, {}};
  for (const std::string& name : key_names()) value.words.push_back(name + "=");
  return value;
}

Words names_of(const OptionSpec& option) {
  Words names{option.long_name};
  if (option.short_name != 0) names.push_back(std::string("-") + option.short_name);
  return names;
}

/// `text` in single quotes, for any of the three shells.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? "’" : std::string(1, c);
  return out + "'";
}

std::string bash_value_case(const OptionSpec& option) {
  std::string names = join(names_of(option), "|");
  Value value = value_of(option);
  switch (value.follows) {
    case Follows::kNothing: return {};
    case Follows::kAnyText: return fmt::format("    {}) compopt +o default; return ;;\n", names);
    case Follows::kFile: return fmt::format("    {}) return ;;\n", names);
    case Follows::kDirectory:
      return fmt::format("    {}) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n", names);
    case Follows::kWords:
      return fmt::format("    {}) {}mapfile -t COMPREPLY < <(compgen -W {} -- \"$cur\"); return ;;\n", names,
                         option.id == OptionId::kSet ? "compopt -o nospace; " : "", quoted(join(value.words, " ")));
  }
  return {};
}

std::string zsh_doc(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    if (c == '\'') {
      out += "’";
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_option(const OptionSpec& option) {
  Words names = names_of(option);
  std::string action;
  Value value = value_of(option);
  if (value.follows == Follows::kAnyText) action = fmt::format(":{}: ", zsh_doc(option.metavar));
  if (value.follows == Follows::kFile) action = fmt::format(":{}:_files", zsh_doc(option.metavar));
  if (value.follows == Follows::kDirectory) action = fmt::format(":{}:_files -/", zsh_doc(option.metavar));
  if (value.follows == Follows::kWords && option.id == OptionId::kSet) {
    action = ":KEY=VALUE:_sublet_keys";
  } else if (value.follows == Follows::kWords) {
    action = fmt::format(":{}:({})", zsh_doc(option.metavar), join(value.words, " "));
  }
  std::string spec;
  for (const std::string& name : names) spec += fmt::format("    '*{}[{}]{}'\n", name, zsh_doc(option.doc), action);
  return spec;
}

std::string zsh_arguments(Verb verb) {
  switch (verb) {
    case Verb::kRun: return " '(-)1:command: _command_names -e' '*::argument:_normal'";
    case Verb::kImages: return " '1:action:(import list)' '*:archive:_files'";
    case Verb::kLogs: return fmt::format(" '1:component:({})'", join(component_names(), " "));
    case Verb::kHelp: return fmt::format(" '1:verb:({})'", join(verb_names(), " "));
    default: return {};
  }
}

std::string fish_option(const OptionSpec& option) {
  std::string line = "complete -c sublet";
  if (!option.verbs.empty()) {
    Words names;
    for (Verb verb : option.verbs) names.emplace_back(spec_of(verb).name);
    line += fmt::format(" -n '__sublet_verb_is {}'", join(names, " "));
  } else {
    line += " -n 'not __sublet_verb_is kubectl'";
  }
  if (option.short_name != 0) line += fmt::format(" -s {}", option.short_name);
  line += fmt::format(" -l {} -d {}", option.long_name.substr(2), quoted(option.doc));
  Value value = value_of(option);
  if (value.follows == Follows::kAnyText) line += " -x";
  if (value.follows == Follows::kFile) line += " -r -F";
  if (value.follows == Follows::kDirectory) line += " -x -a '(__fish_complete_directories)'";
  if (value.follows == Follows::kWords) line += fmt::format(" -x -a {}", quoted(join(value.words, " ")));
  return line + "\n";
}

Words options_with_value() {
  Words names;
  for (const OptionSpec& option : options()) {
    if (!option.takes_value()) continue;
    for (std::string& name : names_of(option)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string bash_completion() {
  std::string text = std::string(kHeader) +
                     "# shellcheck shell=bash\n"
                     "_sublet() {\n"
                     "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb='' words='' i\n"
                     "  COMPREPLY=()\n"
                     "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                     "    case ${COMP_WORDS[i]} in\n"
                     "      " +
                     join(options_with_value(), "|") +
                     ") ((i++)) ;;\n"
                     "      -*|=) ;;\n"
                     "      *) verb=${COMP_WORDS[i]}; break ;;\n"
                     "    esac\n"
                     "  done\n"
                     "  [[ $verb == kubectl ]] && return\n"
                     "  case $prev in\n";
  for (const OptionSpec& option : options()) text += bash_value_case(option);
  text += "  esac\n  case $verb in\n";
  std::string common;
  for (const OptionSpec& option : options()) {
    if (option.verbs.empty()) common += option.long_name + " ";
  }
  for (const VerbSpec& verb : verbs()) {
    std::string own;
    for (const OptionSpec& option : options()) {
      if (!option.verbs.empty() && option.belongs_to(verb.verb)) own += option.long_name + " ";
    }
    text += fmt::format("    {}) words='{}{}' ;;\n", verb.name, own, trim(common));
  }
  text += fmt::format("    *) words='{}--version' ;;\n  esac\n", common);
  return text +
         "  if [[ $cur != -* ]]; then\n"
         "    case $verb in\n"
         "      '') words='" +
         join(verb_names(), " ") +
         "' ;;\n"
         "      images) [[ $prev == images ]] || return; words='import list' ;;\n"
         "      logs) words='" +
         join(component_names(), " ") +
         "' ;;\n"
         "      help) words='" +
         join(verb_names(), " ") +
         "' ;;\n"
         "      run) return ;;\n"
         "      *) compopt +o default; return ;;\n"
         "    esac\n"
         "  fi\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -o default -F _sublet sublet\n";
}

std::string zsh_completion() {
  std::string text = std::string("#compdef sublet\n") + kHeader + "_sublet_keys() {\n  compadd -S '' --";
  for (const std::string& name : key_names()) text += " " + name + "=";
  text +=
      "\n}\n\n_sublet() {\n  local curcontext=$curcontext state line\n  typeset -A opt_args\n  local -a verbs common\n "
      " verbs=(\n";
  for (const VerbSpec& verb : verbs()) text += fmt::format("    '{}:{}'\n", verb.name, zsh_doc(verb.summary));
  text += "  )\n  common=(\n";
  for (const OptionSpec& option : options()) {
    if (option.verbs.empty()) text += zsh_option(option);
  }
  text +=
      "  )\n"
      "  _arguments -C $common '--version[Print the version.]' '1:verb:->verb' '*::argument:->argument' && return\n"
      "  case $state in\n"
      "    verb) _describe -t verbs verb verbs ;;\n"
      "    argument)\n"
      "      case $words[1] in\n"
      "        kubectl) _normal ;;\n";
  for (const VerbSpec& verb : verbs()) {
    if (verb.verb == Verb::kKubectl) continue;
    std::string own;
    for (const OptionSpec& option : options()) {
      if (!option.verbs.empty() && option.belongs_to(verb.verb)) own += zsh_option(option);
    }
    std::string body;
    for (const std::string& line : lines(own)) body += " \\\n          " + std::string(trim(line));
    text += fmt::format("        {}) _arguments $common{}{} ;;\n", verb.name, zsh_arguments(verb.verb), body);
  }
  return text + "      esac ;;\n  esac\n}\n\n_sublet \"$@\"\n";
}

std::string fish_completion() {
  std::string text = std::string(kHeader) +
                     "function __sublet_verb\n"
                     "    set -l skip 0\n"
                     "    for word in (commandline -opc)[2..-1]\n"
                     "        if test $skip = 1\n"
                     "            set skip 0\n"
                     "            continue\n"
                     "        end\n"
                     "        switch $word\n"
                     "            case " +
                     join(options_with_value(), " ") +
                     "\n"
                     "                set skip 1\n"
                     "            case '-*'\n"
                     "            case '*'\n"
                     "                echo $word\n"
                     "                return\n"
                     "        end\n"
                     "    end\n"
                     "end\n\n"
                     "function __sublet_verb_is\n"
                     "    set -l verb (__sublet_verb)\n"
                     "    test -n \"$verb\"; and contains -- $verb $argv\n"
                     "end\n\n"
                     "complete -c sublet -f\n"
                     "complete -c sublet -n 'test -z (__sublet_verb)\"\"' -l version -d 'Print the version.'\n";
  for (const VerbSpec& verb : verbs()) {
    text += fmt::format("complete -c sublet -n 'test -z (__sublet_verb)\"\"' -a {} -d {}\n", verb.name,
                        quoted(verb.summary));
  }
  for (const OptionSpec& option : options()) text += fish_option(option);
  return text +
         "complete -c sublet -n '__sublet_verb_is images' -a 'import list'\n"
         "complete -c sublet -n '__sublet_verb_is images' -F\n"
         "complete -c sublet -n '__sublet_verb_is logs' -a '" +
         join(component_names(), " ") +
         "'\n"
         "complete -c sublet -n '__sublet_verb_is help' -a '" +
         join(verb_names(), " ") +
         "'\n"
         "complete -c sublet -n '__sublet_verb_is kubectl' -F\n"
         "complete -c sublet -n '__sublet_verb_is run' -x -a '(__fish_complete_subcommand --fcs-skip=2)'\n";
}

}  // namespace sublet::launcher
