// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/host.h"

#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>

#include "base/fs.h"
#include "base/strings.h"
#include "cgroups/probe.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMaxLabelValue = 63;

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void trim_label_ends(std::string& name) {
  std::size_t begin = name.find_first_not_of("-.");
  if (begin == std::string::npos) {
    name.clear();
    return;
  }
  name = name.substr(begin, name.find_last_not_of("-.") - begin + 1);
}

}  // namespace

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

Account find_account(const GetEnv& env) {
  Account account{::geteuid(), ::getegid(), std::to_string(::geteuid()), "/"};
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer;
  if (::getpwuid_r(account.uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    account.user = found->pw_name;
    if (found->pw_dir != nullptr && found->pw_dir[0] == '/') account.home = found->pw_dir;
  }
  auto home = env("HOME");
  if (home && home->starts_with('/')) account.home = *home;
  return account;
}

std::string node_name_of(std::string_view hostname) {
  std::string name;
  for (char c : hostname) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool dot = c == '.';
    if (!is_alnum(c) && !dot) c = '-';
    // A label neither begins nor ends with '-', and is not empty.
    if (dot) {
      while (name.ends_with('-')) name.pop_back();
      if (name.empty() || name.ends_with('.')) continue;
    }
    if (c == '-' && (name.empty() || name.ends_with('.'))) continue;
    name += c;
  }
  if (name.size() > kMaxLabelValue) name.resize(kMaxLabelValue);
  trim_label_ends(name);
  return name.empty() ? "node" : name;
}

Allocation own_allocation(std::vector<std::string>& warnings) {
  AllocationSources sources;
  sources.env = environment;
  sources.read = read_node_file;
  sources.now = std::time(nullptr);
  struct utsname names {};
  if (::uname(&names) == 0) sources.hostname = names.nodename;
  return find_allocation(sources, warnings);
}

HostLimits host_limits() {
  HostLimits limits;
  if (auto cpus = affinity_of()) limits.cpus = std::move(*cpus);
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  limits.machine_cpus = online > 0 ? static_cast<std::uint32_t>(online) : 0;
  if (auto meminfo = fs::read_file("/proc/meminfo")) limits.machine_memory = memory_total(*meminfo);
  limits.memory_limit = cgroups::memory_limit();
  return limits;
}

std::uint64_t memory_total(std::string_view meminfo) {
  for (const std::string& line : lines(meminfo)) {
    std::vector<std::string> parts = words(line);
    if (parts.size() == 3 && parts[0] == "MemTotal:" && parts[2] == "kB")
      return parse_int<std::uint64_t>(parts[1]).value_or(0) * 1024;
  }
  return 0;
}

std::optional<std::uint64_t> kernel_setting(const std::string& name) {
  auto text = fs::read_file("/proc/sys/" + name);
  return text ? parse_int<std::uint64_t>(trim(*text)) : std::nullopt;
}

std::string explain_user_namespace(const std::string& failure,
                                   const std::function<std::optional<std::uint64_t>(const std::string&)>& setting) {
  struct Row {
    const char* name;
    const char* shown;
    std::uint64_t bad;
  };
  constexpr std::array kRows = {
      Row{"user/max_user_namespaces", "user.max_user_namespaces", 0},
      Row{"kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", 0},
      Row{"kernel/apparmor_restrict_unprivileged_userns", "kernel.apparmor_restrict_unprivileged_userns", 1}};
  for (const Row& row : kRows)
    if (setting(row.name) == row.bad) return failure + " (" + row.shown + " is " + std::to_string(row.bad) + ")";
  return failure;
}

}  // namespace sublet::launcher
