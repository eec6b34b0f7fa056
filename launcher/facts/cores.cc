// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/cores.h"

#include <dirent.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/fs.h"
#include "base/handle.h"
#include "base/strings.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

// The entries of a directory of /proc that are numbers.
std::vector<std::string> numbers_in(const std::string& path) {
  std::vector<std::string> names;
  Handle<DIR, ::closedir> directory(::opendir(path.c_str()));
  while (directory) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (parse_int<unsigned>(entry->d_name)) names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace

CpuList claimed_cpus(const std::vector<CpuList>& masks, const CpuList& ours) {
  std::set<unsigned> claimed;
  for (const CpuList& mask : masks)
    if (mask != ours && is_subset(mask, ours)) claimed.insert(mask.begin(), mask.end());
  return {claimed.begin(), claimed.end()};
}

std::vector<CpuList> thread_masks(const std::string& proc, std::uint32_t uid, std::size_t most) {
  std::set<std::string> texts;
  for (const std::string& pid : numbers_in(proc)) {
    const std::string process = proc + "/" + pid;
    auto owner = sys::stat(process);
    if (!owner || owner->st_uid != uid) continue;
    for (const std::string& tid : numbers_in(process + "/task")) {
      if (most == 0) break;
      --most;
      auto status = fs::read_file(process + "/task/" + tid + "/status");
      if (!status) continue;
      for (const std::string& line : lines(*status)) {
        constexpr std::string_view kName = "Cpus_allowed_list:";
        if (line.starts_with(kName)) texts.emplace(trim(std::string_view(line).substr(kName.size())));
      }
    }
    if (most == 0) break;
  }
  std::vector<CpuList> masks;
  for (const std::string& text : texts)
    if (auto mask = parse_cpu_list(text)) masks.push_back(std::move(*mask));
  return masks;
}

CpuList still_allowed(const CpuList& ours) {
  CpuList allowed = ours;
  std::thread([&] {
    // The kernel takes from the mask what the cpuset forbids (sched_setaffinity(2)).
    if (!set_affinity(ours)) return;
    if (auto left = affinity_of()) allowed = std::move(*left);
  }).join();
  return allowed;
}

}  // namespace sublet::launcher
