// SPDX-License-Identifier: Apache-2.0
// Flux: flux-environment(7). A task of a job has FLUX_JOB_ID. A batch script and an interactive shell (the initial
// program of an instance of its own) have FLUX_URI alone, whose socket lies in a directory that is the instance's only;
// all else has to be asked for, see inquiry.h.
#include <fmt/format.h>

#include "base/strings.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/gpus.h"
#include "launcher/allocation/hostlist.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {

void read_flux(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings) {
  Readings readings(sources.env, warnings);
  const std::uint64_t tasks = readings.number("FLUX_JOB_SIZE", UINT32_MAX).value_or(0);
  // Tasks are of the whole job; one host has them all.
  if (readings.number("FLUX_JOB_NNODES", kMostHosts) == 1) {
    allocation.tasks = static_cast<std::uint32_t>(tasks);
    allocation.hosts = {sources.hostname};
    allocation.host_index = 0;
  }
  read_gpus(allocation, {}, readings);
}

}  // namespace sublet::launcher
