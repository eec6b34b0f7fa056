// SPDX-License-Identifier: Apache-2.0
// The allocation that we run in, as its workload manager tells: job, hosts, our part of this host, when it ends. Found
// from the environment and the files that it names, without running anything; what has to be asked for is an Inquiry,
// for later. Nothing that a variable holds makes this fail: what is malformed is left out, with a warning that names
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// getenv(3), or a test's.
using GetEnv = std::function<std::optional<std::string>(const std::string&)>;

struct Allocation {
  std::string manager = "none";  // slurm, flux, pbs, lsf, none
  std::string id;                // empty for none
  std::string step;              // Slurm's, inside srun; empty elsewhere
  std::string array;             // "12_3": the array and our place in it; empty if it is none
  std::uint32_t components = 1;  // of a heterogeneous job

  std::vector<std::string> hosts;         // in the manager's order; empty: not known
  std::optional<std::size_t> host_index;  // of this host in `hosts`
  std::uint32_t tasks = 0;                // on this host; 0: not known

  // What the manager says is ours of this host, and which word of its says so. 0: it says nothing.
  std::uint32_t cpus = 0;
  std::string cpus_by;
  std::uint64_t memory_bytes = 0;
  std::string memory_by;

  std::optional<std::vector<std::string>> gpus;  // as the programs see them; not set: nobody says
  std::string gpus_by;

  std::optional<std::int64_t> end;  // when the job ends, seconds since 1970
  std::string end_by;
};

/// Where find_allocation() looks.
struct AllocationSources {
  struct File {
    std::string text;
    std::int64_t modified = 0;  // seconds since 1970
  };
  GetEnv env;
  std::function<Result<File>(const std::string& path)> read;  // node files
  std::string hostname;                                       // gethostname(2)'s
  std::int64_t now = 0;                                       // seconds since 1970
};

/// By Flux's, Slurm's, PBS' or LSF's variable for the job's id. Flux first: its instances run inside jobs of the
/// others, and hand their variables on. An id of odd characters counts as none, with a warning.
[[nodiscard]] Allocation find_allocation(const AllocationSources& sources, std::vector<std::string>& warnings);

/// A node file of PBS or LSF. Not more than it can have, and no waiting on a pipe.
[[nodiscard]] Result<AllocationSources::File> read_node_file(const std::string& path);

// One manager each: `allocation` has its id already.
void read_slurm(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings);
void read_flux(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings);
void read_pbs(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings);
void read_lsf(Allocation& allocation, const AllocationSources& sources, std::vector<std::string>& warnings);

}  // namespace sublet::launcher
