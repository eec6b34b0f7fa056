// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/strings.h"
#include "launcher/cli/verbs.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kVerbColumn = 14;
constexpr std::size_t kOptionColumn = 28;

/// `text` in lines of at most kWidth, the first after what is there already, the rest indented alike.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (const std::string& word : words(text)) {
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    out += (column > indent ? " " : "") + word;
    column += word.size() + (column > indent ? 1 : 0);
  }
  return out + "\n";
}

std::string option_line(const OptionSpec& option) {
  std::string names = option.short_name == 0 ? "    " : fmt::format("-{}, ", option.short_name);
  names += option.long_name + (option.takes_value() ? " " + option.metavar : "");
  std::string line = fmt::format("  {:<{}}", names, kOptionColumn - 2);
  if (names.size() > kOptionColumn - 4) line = fmt::format("  {}\n{}", names, std::string(kOptionColumn, ' '));
  return line + wrapped(option.doc, kOptionColumn);
}

}  // namespace

std::string help_text() {
  std::string text =
      "sublet: a real Kubernetes inside your job, without root, gone when it ends\n\n"
      "Usage: sublet [OPTION…] VERB [ARGUMENT…]\n";
  std::string_view group;
  for (const VerbSpec& verb : verbs()) {
    if (verb.group != group) text += fmt::format("\n{}\n", verb.group);
    group = verb.group;
    text += fmt::format("  {:<{}}", verb.name, kVerbColumn - 2) + wrapped(std::string(verb.summary), kVerbColumn);
  }
  text += "\nOptions of every verb\n";
  for (const OptionSpec& option : options()) {
    if (option.verbs.empty()) text += option_line(option);
  }
  return text +
         "\n`sublet help VERB` has a verb's own options. First steps:\n"
         "  sublet doctor                           what does this host give?\n"
         "  sublet run -- kubectl get nodes -o wide\n"
         "See also sublet(1) and sublet.toml(5).\n";
}

std::string help_text(Verb verb) {
  const VerbSpec& spec = spec_of(verb);
  std::string text =
      fmt::format("Usage: sublet {} [OPTION…]{}{}\n\n", spec.name, spec.arguments.empty() ? "" : " ", spec.arguments);
  if (verb == Verb::kKubectl) text = fmt::format("Usage: sublet [OPTION…] kubectl {}\n\n", spec.arguments);
  text += "  " + wrapped(std::string(spec.summary) + ".", 2);
  if (!spec.details.empty()) text += "\n  " + wrapped(std::string(spec.details), 2);
  if (verb == Verb::kLogs) {
    std::string names;
    for (std::string_view name : log_components()) names += (names.empty() ? "" : ", ") + std::string(name);
    text += "\n  " + wrapped("Components: " + names + ".", 2);
  }
  std::string own;
  std::string common;
  for (const OptionSpec& option : options()) {
    if (option.belongs_to(verb)) (option.verbs.empty() ? common : own) += option_line(option);
  }
  if (!own.empty()) text += "\nOptions\n" + own;
  return text + "\nOptions of every verb\n" + common + "\nExample\n  " + std::string(spec.example) + "\n";
}

}  // namespace sublet::launcher
