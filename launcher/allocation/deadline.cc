// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/deadline.h"

#include <fmt/format.h>

#include <algorithm>

namespace sublet::launcher {

Schedule schedule(std::int64_t now, std::int64_t end, std::chrono::seconds budget) {
  const std::int64_t left = std::max<std::int64_t>(end - now, 0);
  const std::int64_t wanted = budget.count() + kTakeDown.count();
  const std::int64_t ending = std::min(wanted, left / 2);
  Schedule planned;
  planned.end = end;
  planned.drain = std::max(now, end - ending);
  planned.budget =
      std::min(budget, std::chrono::seconds(std::max<std::int64_t>(ending - kTakeDown.count(), ending / 2)));
  planned.warning = std::max(now, planned.drain - kForewarning.count());
  return planned;
}

std::optional<std::int64_t> end_of(std::optional<std::int64_t> job_end, std::int64_t started,
                                   std::chrono::seconds walltime) {
  if (walltime.count() == 0) return job_end;
  const std::int64_t own = started + walltime.count();
  return job_end ? std::min(*job_end, own) : own;
}

std::chrono::seconds kill_delay(std::string_view manager) {
  if (manager == "slurm") return std::chrono::seconds(30);
  if (manager == "flux") return std::chrono::seconds(5);
  if (manager == "pbs" || manager == "lsf") return std::chrono::seconds(10);
  return std::chrono::seconds(0);
}

std::string time_text(std::chrono::seconds time) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3600;
  const std::int64_t seconds = std::max<std::int64_t>(time.count(), 0);
  const std::int64_t hours = seconds / kHour;
  const std::int64_t minutes = seconds % kHour / kMinute;
  if (hours > 0) return minutes > 0 ? fmt::format("{} h {} min", hours, minutes) : fmt::format("{} h", hours);
  if (minutes == 0) return fmt::format("{} s", seconds);
  return seconds % kMinute > 0 ? fmt::format("{} min {} s", minutes, seconds % kMinute)
                               : fmt::format("{} min", minutes);
}

}  // namespace sublet::launcher
