// SPDX-License-Identifier: Apache-2.0
// How variables of a workload manager are read: what is missing is nothing, what is malformed is nothing and a warning
// that names the variable and shows its value, with all that a terminal might take for a command made visible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/allocation/allocation.h"

namespace sublet::launcher {

/// "«text»" in ASCII, other bytes as \xNN, cut after 80.
[[nodiscard]] std::string shown(std::string_view text);

/// Whether it can be a job's id: it becomes part of paths and of lines of logs.
[[nodiscard]] bool good_job_id(std::string_view id);

/// Megabytes as Slurm exports them, or with K, M, G or T behind (sbatch(1), --mem); in bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_megabytes(std::string_view text);

class Readings {
 public:
  Readings(const GetEnv& env, std::vector<std::string>& warnings) : env_(env), warnings_(warnings) {}
  /// Nothing if it is not set.
  [[nodiscard]] std::optional<std::string> raw(const char* name) const { return env_(name); }
  /// Nothing if it is not set or empty.
  [[nodiscard]] std::optional<std::string> text(const char* name) const;
  /// A number of 1 to `most`.
  [[nodiscard]] std::optional<std::uint64_t> number(const char* name, std::uint64_t most);
  [[nodiscard]] std::optional<std::vector<std::string>> hosts(const char* name);
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> counts(const char* name);
  /// "NAME is «value»: why; ignored".
  void ignore(const char* name, std::string_view value, std::string_view why);
  void warn(std::string text) { warnings_.push_back(std::move(text)); }

 private:
  const GetEnv& env_;
  std::vector<std::string>& warnings_;
};

/// No host has more CPUs (the kernel's NR_CPUS is 8192 at most), no job more tasks on one.
inline constexpr std::uint64_t kMostSlots = 65536;

/// Sets host_index. A host that is not in its own list, and a list of another length than `count` (0: not known) are
/// contradictions: said with both, and the list stays.
void place_host(Allocation& allocation, const std::string& own_name, const char* list_name, std::uint64_t count,
                const char* count_name, Readings& readings);

}  // namespace sublet::launcher
