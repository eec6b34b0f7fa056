// SPDX-License-Identifier: Apache-2.0
// A service as a value: what to start, what must be ready before, how to tell that it is ready, how it ends. Made by
// the plan on the host side, carried as JSON to node-init, run by the supervisor on either side.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// How a service shows that it is ready.
struct Readiness {
  enum class Kind {
    kStarted,  // as soon as it runs
    kTcp,      // accepts a connection at `address`:`port`
    kUnix,     // accepts a connection at the socket `path`
    kTold,  // somebody who can judge says so: Supervisor::mark_ready(). After a restart nobody does any more: then as
            // kTcp, if there is a port
  };
  Kind kind = Kind::kStarted;
  std::string address;
  std::uint16_t port = 0;
  std::string path;
};

/// A service, or a milestone: without argv there is nothing to run, only something that others come after and that
/// somebody says is reached (kTold).
struct Service {
  std::string name;
  std::vector<std::string> argv;
  std::vector<std::string> env;    // the whole environment
  std::string log_path;            // standard output and error are appended here
  std::vector<std::string> after;  // services that must be ready before this one starts
  Readiness readiness;
  std::chrono::milliseconds stop_grace{2000};  // between SIGTERM and SIGKILL; 0: SIGKILL at once
  std::uint32_t fake_ids_limit = 0;            // 0: no filter; else seccomp fakes chown and set*id from this id on
  unsigned long open_files = 0;                // soft RLIMIT_NOFILE; 0: as ours
  unsigned nicer = 0;                          // how much it gives way to others
  std::chrono::microseconds timer_slack{0};    // how much later it may be woken from a sleep; 0: as we
  /// Files and directories that it alone sees over those of /proc and /sys, if they are there when it starts: source,
  /// target.
  std::vector<std::pair<std::string, std::string>> own_view;

  [[nodiscard]] bool is_milestone() const { return argv.empty(); }
};

[[nodiscard]] nlohmann::json to_json(const Service& service);
/// The inverse; an error names the field that is missing or of a wrong type.
[[nodiscard]] Result<Service> service_from_json(const nlohmann::json& json);

/// Checks names and `after` for duplicates, unknown names and cycles; gives the services in an order in which each
/// comes after all that it needs. Stopping goes the other way round.
[[nodiscard]] Result<std::vector<Service>> in_start_order(std::vector<Service> services);

}  // namespace sublet::launcher
