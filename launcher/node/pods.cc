// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/pods.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/fs.h"
#include "base/handle.h"
#include "base/strings.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

// The value of "Name:\tvalue" in a /proc status file.
std::string_view status_value(std::string_view text, std::string_view name) {
  std::string key = "\n" + std::string(name) + ":";
  std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view rest = text.substr(at + key.size());
  return trim(rest.substr(0, rest.find('\n')));
}

}  // namespace

Farewell farewell(const ProcessFacts& process) {
  if (process.service || process.zombie || process.comm.starts_with("containerd-shim")) return Farewell::kNone;
  if (process.namespace_init && !process.catches_term) return Farewell::kKill;
  return Farewell::kTerminate;
}

bool catches(std::string_view status_text, int signal) {
  std::string_view mask = status_value(status_text, "SigCgt");
  std::uint64_t bits = 0;
  constexpr int kHex = 16;
  auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits, kHex);
  return error == std::errc{} && ((bits >> (signal - 1)) & 1) != 0;
}

bool is_namespace_init(std::string_view status_text) {
  std::vector<std::string> levels = words(status_value(status_text, "NSpid"));
  return levels.size() > 1 && levels.back() == "1";
}

Result<std::vector<ProcessFacts>> processes(const std::vector<pid_t>& services) {
  Handle<DIR, ::closedir> proc(::opendir("/proc"));
  if (!proc) return fail_errno("open /proc");
  std::vector<ProcessFacts> found;
  while (const dirent* entry = ::readdir(proc.get())) {
    auto pid = parse_int<pid_t>(entry->d_name);
    if (!pid || *pid == ::getpid()) continue;
    const std::string base = "/proc/" + std::to_string(*pid);
    auto status = fs::read_file(base + "/status");
    if (!status) continue;  // it has ended meanwhile
    ProcessFacts process;
    process.pid = *pid;
    process.comm = std::string(status_value("\n" + *status, "Name"));
    process.zombie = status_value(*status, "State").starts_with("Z");
    process.service = std::find(services.begin(), services.end(), *pid) != services.end();
    process.catches_term = catches(*status, SIGTERM);
    process.namespace_init = is_namespace_init(*status);
    found.push_back(std::move(process));
  }
  return found;
}

}  // namespace sublet::launcher
