// SPDX-License-Identifier: Apache-2.0
// The table of verbs and options. The parser, the help, the completions and the tests that hold sublet(1) against the
// program are all made from it. Flags that stand for configuration keys come from the table of keys.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/config/keys.h"

namespace sublet::launcher {

enum class Verb {
  kUp,
  kRun,
  kDown,
  kStatus,
  kDoctor,
  kKubectl,
  kKubeconfig,
  kEnv,
  kExec,
  kExpose,
  kImages,
  kLogs,
  kConfig,
  kTimeline,
  kVersion,
  kHelp,
};

enum class OptionId {
  kKey,  // stands for a configuration key
  kConfig,
  kSet,
  kVerbose,
  kQuiet,
  kHelp,
  kJson,
  kDryRun,
  kDetach,
  kStale,
  kAll,
  kAdmin,
  kPath,
  kFollow,
  kNet,
  kLines,
  kSvg,
  kNamespace,
  kPort,
  kAllHosts,
  kPublic,
  kRemove,
  kEnvFile,
};

struct VerbSpec {
  Verb verb;
  std::string_view name;
  std::string_view group;
  std::string_view arguments;  // "FILE… "; empty: takes none
  std::string_view summary;    // one line
  std::string_view details;    // more, for its own help; may be empty
  std::string_view example;
};

struct OptionSpec {
  OptionId id;
  std::string long_name;  // "--follow"
  char short_name = 0;    // 'f'
  std::string metavar;    // empty: takes no value
  std::string doc;
  std::vector<Verb> verbs;   // empty: all
  const Key* key = nullptr;  // of kKey

  [[nodiscard]] bool belongs_to(Verb verb) const;
  [[nodiscard]] bool takes_value() const { return !metavar.empty(); }
};

[[nodiscard]] std::span<const VerbSpec> verbs();
[[nodiscard]] const VerbSpec& spec_of(Verb verb);
/// Nothing for an unknown name.
[[nodiscard]] const VerbSpec* find_verb(std::string_view name);
[[nodiscard]] std::span<const OptionSpec> options();
/// By "--follow" or "-f"; nothing if there is none.
[[nodiscard]] const OptionSpec* find_option(std::string_view word);

/// The names that `sublet logs` takes.
[[nodiscard]] std::span<const std::string_view> log_components();

/// What `sublet` and `sublet help` print.
[[nodiscard]] std::string help_text();
/// What `sublet help VERB` prints.
[[nodiscard]] std::string help_text(Verb verb);

}  // namespace sublet::launcher
