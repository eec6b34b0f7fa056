// SPDX-License-Identifier: Apache-2.0
// The one table of configuration keys. Files, environment, flags, `sublet config`, the sample file, the completions and
// the tests that hold the man pages against the program are all made from it: a new key is one row in keys.cc.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/config/node.h"
#include "launcher/config/values.h"

namespace sublet::launcher {

/// What is wrong with (a part of) a value. `at` is in the Node that was given; line 0 where that has no places.
struct Complaint {
  Location at;
  std::string what;
};
using Complaints = std::vector<Complaint>;

/// How values of a key are read, checked and shown.
struct Kind {
  std::string type;                  // for people: "\"auto\" or \"off\"", "whole number, 576 to 65520"
  bool adds_up = false;              // later sources add to earlier ones; an empty list starts afresh
  std::vector<std::string> choices;  // of an enumeration
  /// Checks `value` and puts it into the Config, or complains.
  std::function<void(Config&, const Node&, const TextContext&, Complaints&)> set;
  /// A flag's or variable's text as the value that a file would have.
  std::function<Result<Node>(std::string_view)> from_text;
  std::function<Node(const Config&)> get;
};

/// Which verbs have the key's own flag.
enum class FlagScope { kNone, kEverywhere, kStart };

struct Key {
  std::string name;  // "network.mtu"
  std::string env;   // "SUBLET_NETWORK_MTU"
  std::string doc;   // one or more sentences, plain text
  Kind kind;
  FlagScope scope = FlagScope::kNone;
  std::string flag = {};     // "--no-tap"; every key can be given by --set too
  std::string metavar = {};  // "FILE"; empty: the flag takes no value and means flag_value
  std::string flag_value = {};
  std::string sample = {};  // for the sample file where the default says too little: lines of TOML
};

[[nodiscard]] std::span<const Key> keys();
/// Nothing if there is none of that name.
[[nodiscard]] const Key* find_key(std::string_view name);
[[nodiscard]] std::vector<std::string> key_names();

/// A SUBLET_* variable that is no key: read by sublet before the keys, or by the scripts around it.
struct OtherVariable {
  std::string_view name;
  std::string_view doc;
};
[[nodiscard]] std::span<const OtherVariable> other_variables();

}  // namespace sublet::launcher
