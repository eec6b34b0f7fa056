// SPDX-License-Identifier: Apache-2.0
// Environments and files as a workload manager would leave them.
#pragma once

#include <map>
#include <string>

#include "launcher/allocation/allocation.h"

namespace sublet::launcher::test {

inline constexpr std::int64_t kNow = 1'800'000'000;

using Variables = std::map<std::string, std::string>;

inline AllocationSources sources_of(Variables variables, std::string hostname,
                                    std::map<std::string, std::string> files = {}) {
  AllocationSources sources;
  sources.env = [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  sources.read = [files = std::move(files)](const std::string& path) -> Result<AllocationSources::File> {
    auto found = files.find(path);
    if (found == files.end()) return fail_errno("open " + path, ENOENT);
    return AllocationSources::File{found->second, kNow - 100};
  };
  sources.hostname = std::move(hostname);
  sources.now = kNow;
  return sources;
}

}  // namespace sublet::launcher::test
