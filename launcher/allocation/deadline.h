// SPDX-License-Identifier: Apache-2.0
// When the cluster has to start ending so that it has ended before the job does, and how long an orderly end may take
// when the workload manager has asked for one. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sublet::launcher {

/// What taking the cluster down takes beyond its pods' time, generously: it is measured at a quarter of a second.
inline constexpr std::chrono::seconds kTakeDown{5};
/// How long before it begins to end a line says so.
inline constexpr std::chrono::seconds kForewarning{300};

/// Moments are seconds since 1970.
struct Schedule {
  std::int64_t end = 0;
  std::int64_t drain = 0;          // when pods are told
  std::int64_t warning = 0;        // when the user is told
  std::chrono::seconds budget{0};  // that pods get
};
/// With less time left than twice what the end takes, half of it is the cluster's life and half of it the end's.
[[nodiscard]] Schedule schedule(std::int64_t now, std::int64_t end, std::chrono::seconds budget);

/// The earlier of what the manager says and `walltime` after the start (0: none).
[[nodiscard]] std::optional<std::int64_t> end_of(std::optional<std::int64_t> job_end, std::int64_t started,
                                                 std::chrono::seconds walltime);

/// Between the workload manager's SIGTERM and its SIGKILL, by the managers' defaults: Slurm's KillWait (slurm.conf(5))
/// 30 s, Flux's kill-timeout (flux-config-exec(5)) 5 s, PBS' kill_delay (qmgr(8B)) 10 s, LSF's JOB_TERMINATE_INTERVAL
/// (lsb.params(5)) 10 s. 0 outside of a job: nobody kills us there.
[[nodiscard]] std::chrono::seconds kill_delay(std::string_view manager);

/// "5 min", "40 s", "2 h 5 min": for people.
[[nodiscard]] std::string time_text(std::chrono::seconds time);

}  // namespace sublet::launcher
