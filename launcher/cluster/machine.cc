// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/fs.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

const std::string kFolder = std::string(kMachineFolder) + "/";

// proc_meminfo(5). What is used of it the kubelet hears from elsewhere; it evicts pods by the cgroup's numbers.
std::string meminfo(std::uint64_t bytes) {
  std::string text;
  for (const char* name : {"MemTotal", "MemFree", "MemAvailable"})
    text += fmt::format("{:<16}{:>8} kB\n", std::string(name) + ":", bytes / 1024);
  for (const char* name : {"Buffers", "Cached", "SwapTotal", "SwapFree"})
    text += fmt::format("{:<16}{:>8} kB\n", std::string(name) + ":", 0);
  return text;
}

// A paragraph each: those of the share's CPUs, and those that are of none.
std::string cpuinfo(const Share& share, const std::string& whole) {
  std::string text;
  bool clock = false;
  auto add = [&](const std::vector<std::string>& paragraph) {
    for (const std::string& line : paragraph) {
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos || trim(line.substr(0, colon)) != "processor") continue;
      const auto cpu = parse_int<std::uint32_t>(trim(line.substr(colon + 1)));
      if (cpu && share.cpus_cut() && std::find(share.cpus.begin(), share.cpus.end(), *cpu) == share.cpus.end()) return;
    }
    for (const std::string& line : paragraph) {
      // The names that cadvisor looks for.
      clock = clock || line.starts_with("cpu MHz") || line.starts_with("CPU MHz") || line.starts_with("clock");
      text += line + "\n";
    }
    text += "\n";
  };
  std::vector<std::string> paragraph;
  for (const std::string& line : lines(whole)) {
    if (!line.empty()) {
      paragraph.push_back(line);
      continue;
    }
    add(paragraph);
    paragraph.clear();
  }
  if (!paragraph.empty()) add(paragraph);
  return clock ? text : text + "cpu MHz\t\t: 1000.000\n";
}

}  // namespace

MachineTexts read_machine() {
  MachineTexts texts;
  if (auto cpuinfo = fs::read_file("/proc/cpuinfo")) texts.cpuinfo = std::move(*cpuinfo);
  texts.sys_cpu = [](const std::string& path) {
    auto text = fs::read_file("/sys/devices/system/cpu/" + path);
    return text ? *text : std::string();
  };
  return texts;
}

std::vector<StateFile> machine_files(const Share& share, const MachineTexts& texts) {
  std::vector<StateFile> files = {{kFolder + "cpuinfo", cpuinfo(share, texts.cpuinfo)}};
  if (share.memory_cut()) files.push_back({kFolder + "meminfo", meminfo(share.memory_bytes)});
  if (!share.cpus_cut()) return files;
  files.push_back({kFolder + "cpu/online", to_text(share.cpus) + "\n"});
  for (const std::uint32_t cpu : share.cpus) {
    for (const char* name : {"core_id", "physical_package_id"}) {
      const std::string path = fmt::format("cpu{}/topology/{}", cpu, name);
      std::string text = texts.sys_cpu(path);
      files.push_back({kFolder + "cpu/" + path, text.empty() ? "0\n" : std::move(text)});
    }
  }
  // Without nodes of memory cadvisor counts the CPUs above.
  files.push_back({kFolder + "node/online", "0\n"});
  return files;
}

std::vector<std::pair<std::string, std::string>> machine_view() {
  auto source = [](const char* name) { return inside_path(kFolder + name); };
  return {{source("cpuinfo"), "/proc/cpuinfo"},
          {source("meminfo"), "/proc/meminfo"},
          {source("cpu"), "/sys/devices/system/cpu"},
          {source("node"), "/sys/devices/system/node"}};
}

}  // namespace sublet::launcher
