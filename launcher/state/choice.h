// SPDX-License-Identifier: Apache-2.0
// Pure decisions about the state directory: below which base, and under which name. BASE/sublet-UID/<job>-<name>.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/facts/facts.h"

namespace sublet::launcher {

/// What paths of sockets may take below the state directory, "/sock/NAME.sock" included; sun_path holds 108 bytes
/// (unix(7)).
inline constexpr std::size_t kSocketRoom = 32;

/// The base to use, of facts.state: choose_state()'s. The error says why the one of the configuration will not do, or
/// lists each candidate with its reason.
[[nodiscard]] Result<StateCandidate> choose_state_base(const std::vector<StateCandidate>& candidates);

/// Which cluster a state directory belongs to.
struct ClusterId {
  std::string manager = "local";  // slurm, flux, …; local outside any job
  std::string job;                // as the workload manager names it, made fit for a file name; empty if local
  std::string name = "default";
  bool operator==(const ClusterId&) const = default;
};

/// Makes the id of a job fit for a file name, one to one: letters, digits, '_' and '.' stay, Flux's "ƒ" is "f" (as Flux
/// itself allows), all else is "=XX" (hex). One longer than 40 bytes is cut and ends in a hash.
[[nodiscard]] ClusterId cluster_id(const Allocation& job, const std::string& name);

/// "local-NAME" or "MANAGER-JOB-NAME".
[[nodiscard]] std::string directory_name(const ClusterId& id);
/// The reverse; nothing if no cluster is called so.
[[nodiscard]] std::optional<ClusterId> parse_directory_name(const std::string& text);

/// "BASE/sublet-UID"
[[nodiscard]] std::string user_directory(const std::string& base, std::uint32_t uid);

/// Whether sockets below `directory` still fit into sun_path; the error says by how much not, and what to do.
Result<void> check_path_length(const std::string& directory);

}  // namespace sublet::launcher
