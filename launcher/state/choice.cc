// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "launcher/facts/state_dirs.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kSocketPathBytes = 108;  // sockaddr_un, with the final NUL
constexpr std::size_t kLongestJob = 40;
const std::string kWayOut = "set state.dir (or SUBLET_STATE_DIR) to a directory on a local disk of this host";

std::string fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::string fit_for_file_name(const std::string& job) {
  const std::string_view flux = "ƒ";
  std::string fit;
  for (std::size_t i = 0; i < job.size();) {
    if (i == 0 && job.starts_with(flux)) {
      fit += 'f';
      i += flux.size();
      continue;
    }
    const auto c = static_cast<unsigned char>(job[i++]);
    // Not '-', which separates the parts of a directory's name.
    if (c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '.'))
      fit += static_cast<char>(c);
    else
      fit += fmt::format("={:02x}", c);
  }
  if (fit.size() <= kLongestJob) return fit;
  const std::string hash = "=" + fnv1a(job);
  return fit.substr(0, kLongestJob - hash.size()) + hash;
}

}  // namespace

Result<StateCandidate> choose_state_base(const std::vector<StateCandidate>& candidates) {
  if (const StateCandidate* chosen = choose_state(candidates)) return *chosen;
  if (auto asked = std::ranges::find(candidates, "state.dir", &StateCandidate::origin); asked != candidates.end())
    return fail("state.dir " + asked->path + " can't hold a cluster's state: " + asked->usable.reason, kWayOut,
                ExitCode::kPrerequisite);
  std::string text = "no directory can hold the cluster's state";
  for (const StateCandidate& candidate : candidates)
    text += fmt::format("\n  {} ({}): {}", candidate.path, candidate.origin, candidate.usable.reason);
  return fail(text, kWayOut, ExitCode::kPrerequisite);
}

ClusterId cluster_id(const Allocation& job, const std::string& name) {
  if (job.manager == "none" || job.manager.empty() || job.id.empty()) return {.name = name};
  return {.manager = job.manager, .job = fit_for_file_name(job.id), .name = name};
}

std::string directory_name(const ClusterId& id) {
  return id.job.empty() ? "local-" + id.name : id.manager + "-" + id.job + "-" + id.name;
}

std::optional<ClusterId> parse_directory_name(const std::string& text) {
  const std::size_t first = text.find('-');
  if (first == 0 || first == std::string::npos) return std::nullopt;
  ClusterId id{.manager = text.substr(0, first)};
  std::size_t name = first + 1;
  if (id.manager != "local") {
    const std::size_t second = text.find('-', name);
    if (second == std::string::npos || second == name) return std::nullopt;
    id.job = text.substr(name, second - name);
    name = second + 1;
  }
  id.name = text.substr(name);
  if (id.name.empty()) return std::nullopt;
  return id;
}

std::string user_directory(const std::string& base, std::uint32_t uid) {
  return (base == "/" ? "" : base) + "/sublet-" + std::to_string(uid);
}

Result<void> check_path_length(const std::string& directory) {
  const std::size_t longest = kSocketPathBytes - 1 - kSocketRoom;
  if (directory.size() <= longest) return {};
  return fail(fmt::format("state directory {} is {} bytes long; the sockets below it allow {}", directory,
                          directory.size(), longest),
              "set state.dir (or SUBLET_STATE_DIR) to a shorter path, or take a shorter --name",
              ExitCode::kPrerequisite);
}

}  // namespace sublet::launcher
