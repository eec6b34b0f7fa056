// SPDX-License-Identifier: Apache-2.0
// All sources → one Config, and where each value came from. Precedence: the site's *.toml by name, the user's file,
// SUBLET_* variables, flags; the later wins, except that lists add up. Every mistake that can be seen is reported at
// once.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/config/config.h"
#include "launcher/config/values.h"

namespace sublet::launcher {

/// A flag that stands for a key. `origin` is what the user typed: "--image", "--set network.mtu".
struct Setting {
  std::string key;
  std::string value;
  std::string origin;
};

/// What load_config() reads; a test makes its own.
struct Sources {
  std::string site_dir;             // its *.toml; may be missing
  std::string user_file;            // empty: none
  bool user_file_required = false;  // named by --config or SUBLET_CONFIG: must be there
  Environment env;                  // the whole environment: SUBLET_*, and what paths in files may name
  std::string cwd;
  std::vector<Setting> settings;  // in the order of the command line
};

/// Where a key's value came from: "default", "FILE:LINE", a variable's name, a flag; several where lists added up.
struct KeyOrigin {
  std::string key;
  std::string from;
};

struct Loaded {
  Config config;
  std::vector<KeyOrigin> origins;  // one for each key, in the order of the table
};

/// The sources of this process: /etc/sublet, $XDG_CONFIG_HOME or ~/.config, the environment and these flags.
/// `config_file` is --config's (empty: not given).
[[nodiscard]] Sources default_sources(std::vector<Setting> settings, const std::string& config_file = {});

/// The error has all complaints, one below the other, each with file, line and caret, or the variable's or the flag's
/// name (exit kUsage). Refuses files that somebody else than their owner (us or root) can change: sshd's StrictModes.
[[nodiscard]] Result<Loaded> load_config(const Sources& sources);

}  // namespace sublet::launcher
