// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/host.h"

#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/fs.h"
#include "base/handle.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMaxLabelValue = 63;
constexpr std::size_t kMaxJobId = 128;

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A job's id becomes part of paths and of lines of logs.
bool good_job_id(std::string_view id) {
  constexpr std::string_view kFluxPrefix = "\xC6\x92";  // "ƒ" of RFC 19's F58, unless the locale is plain ASCII
  if (id.starts_with(kFluxPrefix)) id.remove_prefix(kFluxPrefix.size());
  if (id.empty() || id.size() > kMaxJobId || !is_alnum(id[0])) return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return is_alnum(c) || std::string_view("._-[]").find(c) != std::string_view::npos; });
}

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

Job find_job(const GetEnv& env, std::vector<std::string>& warnings) {
  struct Row {
    const char* variable;
    const char* manager;
  };
  constexpr std::array kRows = {Row{"FLUX_JOB_ID", "flux"}, Row{"SLURM_JOB_ID", "slurm"}, Row{"PBS_JOBID", "pbs"},
                                Row{"LSB_JOBID", "lsf"}};
  for (const Row& row : kRows) {
    auto id = env(row.variable);
    if (!id || id->empty()) continue;
    if (good_job_id(*id)) return {row.manager, *id};
    warnings.push_back(std::string(row.variable) + " does not look like the id of a job; ignored");
  }
  return {};
}

std::uint32_t count_cpus() {
  // The kernel refuses a mask smaller than its own, which has room for at most NR_CPUS (8192) today.
  constexpr int kMost = 16384;
  Handle<cpu_set_t, __sched_cpufree> set(CPU_ALLOC(kMost));
  std::size_t size = CPU_ALLOC_SIZE(kMost);
  if (set == nullptr || ::sched_getaffinity(0, size, set.get()) != 0) return 1;
  int count = CPU_COUNT_S(size, set.get());
  return count > 0 ? static_cast<std::uint32_t>(count) : 1;
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
