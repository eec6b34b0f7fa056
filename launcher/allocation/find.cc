// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "base/fs.h"
#include "base/sys.h"
#include "launcher/allocation/allocation.h"
#include "launcher/allocation/gpus.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {
namespace {

using Read = void (*)(Allocation&, const AllocationSources&, std::vector<std::string>&);

struct Manager {
  const char* variable;
  const char* name;
  Read read;
};
constexpr std::array kManagers = {Manager{"FLUX_JOB_ID", "flux", read_flux},
                                  Manager{"SLURM_JOB_ID", "slurm", read_slurm}, Manager{"PBS_JOBID", "pbs", read_pbs},
                                  Manager{"LSB_JOBID", "lsf", read_lsf}};

// "local:///run/user/1000/flux-d4cRzg/local-0": flux-d4cRzg. Nothing for the system's own instance, which is no job.
std::optional<std::string> flux_instance(const std::string& uri) {
  const std::size_t last = uri.rfind('/');
  if (!uri.starts_with("local://") || last == std::string::npos || last == 0) return std::nullopt;
  const std::size_t before = uri.rfind('/', last - 1);
  const std::string name = uri.substr(before + 1, last - before - 1);
  if (!name.starts_with("flux-") || !good_job_id(name)) return std::nullopt;
  return name;
}

}  // namespace

Allocation find_allocation(const AllocationSources& sources, std::vector<std::string>& warnings) {
  Allocation allocation;
  Readings readings(sources.env, warnings);
  for (const Manager& manager : kManagers) {
    auto id = readings.text(manager.variable);
    if (!id) continue;
    if (!good_job_id(*id)) {
      readings.ignore(manager.variable, *id, "does not look like the id of a job");
      continue;
    }
    allocation.manager = manager.name;
    allocation.id = *id;
    manager.read(allocation, sources, warnings);
    return allocation;
  }
  // Flux unsets Slurm's variables for its initial program, so this comes last and takes nothing away.
  if (auto uri = readings.text("FLUX_URI")) {
    if (auto instance = flux_instance(*uri)) {
      allocation.manager = "flux";
      allocation.id = *instance;
    }
  }
  read_gpus(allocation, {}, readings);
  return allocation;
}

Result<AllocationSources::File> read_node_file(const std::string& path) {
  constexpr std::size_t kMost = std::size_t{16} << 20;
  UniqueFd fd = TRY(sys::open(path, O_RDONLY | O_NONBLOCK));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return fail_errno("stat");
  if (!S_ISREG(st.st_mode)) return fail("no regular file");
  return AllocationSources::File{TRY(fs::read_fd(fd.get(), kMost)), st.st_mtim.tv_sec};
}

}  // namespace sublet::launcher
