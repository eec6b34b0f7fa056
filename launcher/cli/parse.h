// SPDX-License-Identifier: Apache-2.0
// argv → what the user wants: a plain value. Nothing is done and no file is read here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/cli/verbs.h"
#include "launcher/config/load.h"

namespace sublet::launcher {

enum class ImagesAction { kImport, kList };

struct Options {
  Verb verb = Verb::kHelp;

  // Of every verb.
  std::vector<Setting> settings;  // for default_sources(): --set, --name, --image, -v …, in the order given
  std::string config_file;        // --config, for default_sources(); empty: not given
  bool quiet = false;
  int verbose = 0;
  bool json = false;
  bool dry_run = false;  // up, run

  bool detach = false;               // up
  std::vector<std::string> command;  // run, exec: CMD and its arguments, never empty; kubectl: its arguments
  bool stale = false;                // down
  bool all = false;                  // down
  bool admin = false;                // doctor
  bool path = false;                 // kubeconfig
  ImagesAction images = ImagesAction::kList;
  std::vector<std::string> files;      // images import: never empty
  std::string component;               // logs; empty: all
  bool follow = false;                 // logs
  bool net = false;                    // status
  std::optional<unsigned> lines;       // logs
  std::string svg_file;                // timeline; empty: as text
  std::string name_space = "default";  // exec, expose
  std::string service;                 // expose: svc/NAME[:PORT]; empty: list
  std::uint16_t port = 0;
  bool all_hosts = false;
  bool open = false;  // --public
  bool remove = false;
  std::string env_file;

  // kHelp: what to print (to standard error if `exit` is not kOk), and the status to end with.
  std::string text;
  ExitCode exit = ExitCode::kOk;
};

/// Errors name the word and, where one is near, what was meant (exit kUsage). `sublet` alone is kHelp with exit kUsage.
[[nodiscard]] Result<Options> parse_command_line(const std::vector<std::string>& arguments);
/// The same for main()'s; argv[0] is not looked at.
[[nodiscard]] Result<Options> parse_command_line(int argc, char** argv);

}  // namespace sublet::launcher
