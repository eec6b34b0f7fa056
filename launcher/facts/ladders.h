// SPDX-License-Identifier: Apache-2.0
// What a host gives and what it does not, at once: for every ladder the rung that a cluster here would take, each
// better one that is lost, what that costs, and the change that an administrator would make. Pure. docs/doctor.md has
// the JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// What is lost with a rung. kRequired: no cluster without it. kDegrades: slower, or less is isolated. kOnlyFor: some
/// workloads miss it, the others do not notice.
enum class Cost { kRequired, kDegrades, kOnlyFor };
[[nodiscard]] std::string_view name_of(Cost cost);

/// kLost: better than the one taken. kSpare: not better; it may be available or not, and nothing is lost with it.
enum class RungState { kTaken, kLost, kSpare };
[[nodiscard]] std::string_view name_of(RungState state);

struct Rung {
  std::string name;
  bool available = false;
  std::string reason;  // why it is not available, or not taken though it is
  Cost cost = Cost::kDegrades;
  std::string effect;              // what is missed without it
  std::vector<std::string> admin;  // shell commands for root, comments among them; empty: nothing to change as root
  RungState state = RungState::kSpare;
};

struct Ladder {
  std::string name;         // stable: "identity", "cgroups", …
  bool required = true;     // a cluster needs one of the rungs
  std::vector<Rung> rungs;  // best first
  [[nodiscard]] const Rung* taken() const;
};

struct Limit {
  std::string name;  // stable: "memory", "inotify_instances", …
  std::uint64_t value = 0;
  std::uint64_t wanted = 0;
  std::string effect;  // of a value that is less
  std::vector<std::string> admin;
  [[nodiscard]] bool ok() const { return value >= wanted; }
};

struct Diagnosis {
  Facts facts;
  std::vector<Ladder> ladders;
  std::vector<Limit> limits;
  std::vector<std::string> warnings;
  /// No required ladder is without a rung.
  [[nodiscard]] bool ready() const;
};

[[nodiscard]] Diagnosis diagnose(const Facts& facts, const Config& config);

/// kOk, or kPrerequisite where something required is missing.
[[nodiscard]] ExitCode exit_code(const Diagnosis& diagnosis);

}  // namespace sublet::launcher
