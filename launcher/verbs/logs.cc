// SPDX-License-Identifier: Apache-2.0
// logs: the components' logs, one or all, followed if asked.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

constexpr unsigned kDefaultLines = 20;
constexpr std::size_t kTailBytes = std::size_t{4} << 20;

struct LogFile {
  std::string component;
  UniqueFd fd;
  std::string rest;  // the beginning of a line whose end is not written yet
};

Result<std::map<std::string, std::string>> log_files(const std::string& directory) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.path().extension() == ".log") files[entry.path().stem().string()] = entry.path().string();
  if (error) return fail("reading " + directory + ": " + error.message());
  return files;
}

void print_line(const std::string& component, bool prefix, const std::string& line) {
  if (prefix)
    fmt::print("{:<24} {}\n", component, line);
  else
    fmt::print("{}\n", line);
}

// All that was written since the last look, line by line.
Result<void> print_new(LogFile& file, bool prefix) {
  std::array<std::byte, 65536> buffer;
  for (;;) {
    std::size_t count = TRY(sys::read(file.fd.get(), buffer));
    if (count == 0) break;
    file.rest.append(reinterpret_cast<const char*>(buffer.data()), count);
    std::size_t end;
    while ((end = file.rest.find('\n')) != std::string::npos) {
      print_line(file.component, prefix, file.rest.substr(0, end));
      file.rest.erase(0, end + 1);
    }
  }
  std::fflush(stdout);
  return {};
}

Result<int> follow(std::vector<LogFile> files, const std::string& directory, bool prefix) {
  UniqueFd watch(::inotify_init1(IN_CLOEXEC));
  if (!watch) return fail_errno("inotify");
  if (::inotify_add_watch(watch.get(), directory.c_str(), IN_MODIFY | IN_DELETE_SELF) < 0)
    return fail_errno("watching " + directory);
  for (;;) {
    for (LogFile& file : files) TRY(print_new(file, prefix));
    std::array<std::byte, 4096> events;
    (void)TRY(sys::read(watch.get(), events));  // waits
    if (!fs::exists(directory)) return 0;       // the cluster is gone
  }
}

}  // namespace

Result<int> logs(const Invocation& invocation) {
  const Options& options = invocation.options;
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  auto status = nlohmann::json::parse(cluster.status, nullptr, false);
  const std::string directory = status.is_object() ? status.value("log_dir", "") : cluster.path + "/log";
  auto found = log_files(directory);
  if (!found) return tl::unexpected(std::move(found).error());
  const std::map<std::string, std::string>& paths = *found;
  if (!options.component.empty() && !paths.contains(options.component)) {
    std::vector<std::string> names;
    for (const auto& [name, path] : paths) names.push_back(name);
    return fail("there is no log of " + options.component, "there are: " + join(names, ", "), ExitCode::kUsage);
  }
  std::vector<LogFile> files;
  const bool prefix = options.component.empty();
  for (const auto& [component, path] : paths) {
    if (!prefix && component != options.component) continue;
    std::string text = TRY(fs::read_tail(path, kTailBytes));
    for (const std::string& line : last_lines(text, options.lines.value_or(kDefaultLines)))
      print_line(component, prefix, line);
    UniqueFd fd = TRY(sys::open(path, O_RDONLY));
    if (::lseek(fd.get(), 0, SEEK_END) < 0) return fail_errno("seek " + path);
    files.push_back({component, std::move(fd), ""});
  }
  std::fflush(stdout);
  if (!options.follow) return 0;
  return follow(std::move(files), directory, prefix);
}

}  // namespace sublet::launcher
