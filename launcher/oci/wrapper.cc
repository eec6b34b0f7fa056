// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/wrapper.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"
#include "launcher/oci/confine.h"
#include "launcher/oci/spec.h"
#include "launcher/oci/volumes.h"
#include "launcher/oci/watch.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using Edit = Result<json> (*)(json, const OciSettings&);

// A configuration of 4 MiB is not one: containerd refuses such a pod long before.
constexpr std::size_t kMaxSpecBytes = std::size_t{4} << 20;

Result<void> edit_file(const std::string& path, Edit edit, const OciSettings& settings) {
  json before = json::parse(TRY(fs::read_file(path, kMaxSpecBytes)), nullptr, false);
  if (before.is_discarded()) return fail(path + ": not valid JSON");
  for (const std::string& volume : volumes_of(before)) TRY(open_volume(volume));
  json after = TRY_WHILE(path, edit(before, settings));
  if (after == before) return {};
  return fs::write_file(path, after.dump(-1, ' ', false, json::error_handler_t::replace), 0600);
}

void report(const Error& error, const OciArguments& parsed) {
  const std::string plain = "sublet-oci: " + error.what + "\n";
  (void)sys::write_all(STDERR_FILENO, plain);
  if (parsed.log.empty()) return;
  auto log = sys::open(parsed.log, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (log) (void)sys::write_all(log->get(), oci_log_line(error, parsed.log_json, std::time(nullptr)));
}

// A container is no daemon of the cluster's: it gets the CPUs, the policy and the timers of its owner's processes.
Result<void> leave_the_daemons(const OciSettings& settings) {
  const sched_param none{};
  // Nobody may leave SCHED_IDLE without privilege (sched(7)): it is then what the owner has, too.
  if (::sched_setscheduler(0, SCHED_OTHER, &none) != 0 && errno != EPERM) return fail_errno("sched_setscheduler");
  // The daemons' timers may be late; this is what everybody has (init_task in init/init_task.c).
  constexpr unsigned long kUsualSlackNs = 50'000;
  if (::prctl(PR_SET_TIMERSLACK, kUsualSlackNs, 0, 0, 0) != 0) return fail_errno("prctl(PR_SET_TIMERSLACK)");
  if (!settings.cpus.empty()) TRY(set_affinity(settings.cpus));
  return {};
}

// As a hook; what it prints is part of the runtime's own error.
int confine_main(const std::string& cpus) {
  auto confined = [&]() -> Result<void> { return confine(cpus, TRY(fs::read_fd(STDIN_FILENO))); }();
  if (confined) return 0;
  (void)sys::write_all(STDERR_FILENO, "sublet-oci: " + confined.error().what + "\n");
  return 1;
}

Result<std::optional<std::vector<std::string>>> load_and_prepare(const std::vector<std::string>& arguments,
                                                                 const OciArguments& parsed,
                                                                 const std::string& settings_path,
                                                                 std::string& runtime) {
  const std::string text = TRY_WHILE("the cluster's settings", fs::read_file(settings_path));
  const OciSettings settings = TRY_WHILE(settings_path, oci_settings_from_json(text));
  runtime = settings.runtime;
  auto prepared = TRY(prepare_oci_call(arguments, parsed, settings));
  TRY(leave_the_daemons(settings));
  // Last, since it holds for this process too: what comes is the runtime's.
  TRY_WHILE("the bypass", watch(parsed, settings));
  return prepared;
}

}  // namespace

Result<std::optional<std::vector<std::string>>> prepare_oci_call(const std::vector<std::string>& arguments,
                                                                 const OciArguments& parsed,
                                                                 const OciSettings& settings) {
  if (!settings.cgroups && parsed.verb == "update") return std::nullopt;
  if (parsed.verb == "create" || parsed.verb == "run" || parsed.verb == "restore")
    TRY(edit_file(parsed.bundle + "/config.json", edit_spec, settings));
  if (parsed.verb == "exec" && !parsed.process.empty()) TRY(edit_file(parsed.process, edit_exec, settings));

  std::vector<std::string> argv{settings.runtime};
  // With it the runtime goes on where cgroups cannot be made; its own guess is the same in most cases, not in all.
  if (!settings.cgroups && is_crun(settings))
    argv.emplace_back("--cgroup-manager=disabled");
  else if (!settings.cgroups && !parsed.rootless_given)
    argv.emplace_back("--rootless=true");
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

std::string oci_log_line(const Error& error, bool as_json, std::int64_t unix_seconds) {
  const std::time_t seconds = unix_seconds;
  std::tm utc{};
  (void)::gmtime_r(&seconds, &utc);
  std::array<char, 32> time{};  // RFC 3339, which the shim's decoder insists on
  (void)std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  const std::string message = "sublet-oci: " + error.what;
  if (as_json) {
    json line = {{"level", "error"}, {"msg", message}, {"time", time.data()}};
    return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return std::string("time=\"") + time.data() +
         "\" level=error msg=" + json(message).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

int oci_main(int argc, char** argv, const std::string& settings_path) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (arguments.size() == 2 && arguments[0] == kConfineVerb) return confine_main(arguments[1]);
  const OciArguments parsed = parse_oci_arguments(arguments);
  std::string runtime;
  auto prepared = load_and_prepare(arguments, parsed, settings_path, runtime);
  if (!prepared) {
    report(prepared.error(), parsed);
    return static_cast<int>(prepared.error().exit);
  }
  if (!*prepared) return 0;
  std::vector<char*> pointers;
  for (const std::string& argument : **prepared) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  (void)::execv(runtime.c_str(), pointers.data());
  report(fail_errno("starting the OCI runtime " + runtime).value(), parsed);
  return 1;
}

}  // namespace sublet::launcher
