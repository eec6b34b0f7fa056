// SPDX-License-Identifier: Apache-2.0
// The part of runc's command line that the wrapper has to understand. Pure. Flags are as urfave/cli takes them: one
// dash or two, "--name value" or "--name=value".
#pragma once

#include <string>
#include <vector>

namespace sublet::launcher {

struct OciArguments {
  std::string log;              // --log; empty: none
  bool log_json = false;        // --log-format json
  bool rootless_given = false;  // --rootless
  std::string verb;             // create, exec, …; empty: none (--version)
  std::string bundle = ".";     // --bundle of create, run, restore; the runtime's default is the current directory
  std::string process;          // --process of exec; empty: none
  std::string container;        // the container's id; empty: none
};

/// What `arguments` (without the program's name) ask the runtime for. Whatever it does not know is left for the runtime
/// to complain about.
[[nodiscard]] OciArguments parse_oci_arguments(const std::vector<std::string>& arguments);

}  // namespace sublet::launcher
