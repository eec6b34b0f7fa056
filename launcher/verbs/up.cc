// SPDX-License-Identifier: Apache-2.0
// up and run: facts → plan → state directory → session.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/fs.h"
#include "base/log.h"
#include "base/sys.h"
#include "launcher/config/files.h"
#include "launcher/facts/gather.h"
#include "launcher/images/archive.h"
#include "launcher/images/credentials.h"
#include "launcher/session/cluster_session.h"
#include "launcher/session/command.h"
#include "launcher/verbs/layout.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

// The user's directories that are shown writable inside at their own paths, if they are there and his.
std::vector<std::string> user_directories(const Facts& facts, const Config& config) {
  std::vector<std::string> candidates = {facts.home, facts.cwd};
  for (const char* variable : {"SCRATCH", "WORK", "PROJECT", "TMPDIR"})
    if (const char* value = std::getenv(variable)) candidates.emplace_back(value);
  candidates.insert(candidates.end(), config.writable.begin(), config.writable.end());
  std::erase_if(candidates, [](const std::string& path) {
    struct stat st {};
    return ::stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || ::access(path.c_str(), W_OK) != 0;
  });
  return candidates;
}

Result<std::vector<std::string>> image_archives(const Layout& layout, const Config& config) {
  std::vector<std::string> archives = {layout.pause_image};
  if (!fs::exists(layout.pause_image))
    return fail("the pause image is missing: " + layout.pause_image, "build it: scripts/build-images",
                ExitCode::kPrerequisite);
  for (std::string& archive : TRY(archives_in(config.archives))) archives.push_back(std::move(archive));
  // A damaged archive is better found now than in the middle of bring-up.
  for (const std::string& archive : archives) (void)TRY(inspect_archive(archive));
  return archives;
}

Result<CredentialsByHost> registry_credentials(const Config& config) {
  CredentialsByHost all;
  for (const auto& [host, registry] : config.registries) {
    if (registry.credentials_file.empty()) continue;
    const std::string context = "registries.\"" + host + "\".credentials_file " + registry.credentials_file;
    const std::string text = TRY_WHILE(context, read_secret_file(registry.credentials_file));
    CredentialsByHost found = TRY_WHILE(context, parse_credentials(text, host, registry.mirrors));
    // What a table says of its own host beats what another one says of its mirror.
    if (const auto own = found.find(request_host(host)); own != found.end()) all[own->first] = own->second;
    all.merge(found);
  }
  return all;
}

// The parent of a detached launcher: waits for the exit status that the child sends when the cluster is ready or has
// failed, and ends with it. The child goes on.
Result<UniqueFd> detach_from_terminal() {
  auto [read_end, write_end] = TRY(sys::pipe());
  pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child > 0) {
    write_end.reset();
    unsigned char status = static_cast<unsigned char>(ExitCode::kFailure);
    if (::read(read_end.get(), &status, 1) != 1)
      log::error(
          "the launcher ended without a word before the cluster was ready (killed?); the next `sublet up` clears what "
          "it left");
    ::_exit(status);
  }
  if (::setsid() < 0) return fail_errno("setsid");
  return std::move(write_end);
}

// From here on nobody watches: messages go to the launcher's own log.
void let_go(const UniqueFd& pipe, const std::string& log_path, int status) {
  constexpr mode_t kLogMode = 0600;
  auto log = sys::open(log_path, O_WRONLY | O_CREAT | O_APPEND, kLogMode);
  auto null = sys::open("/dev/null", O_RDWR);
  if (null) {
    (void)::dup2(null->get(), STDIN_FILENO);
    (void)::dup2(log ? log->get() : null->get(), STDOUT_FILENO);
    (void)::dup2(log ? log->get() : null->get(), STDERR_FILENO);
  }
  auto byte = static_cast<char>(status);
  (void)sys::write_all(pipe.get(), std::string_view(&byte, 1));  // the parent may have been killed
}

// An end that is asked for while this host is being looked at waits until the session's loop can clean up after it: the
// probes make files and namespaces. Children get no blocked signals (Command).
Result<void> hold_back_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail_errno("sigprocmask");
  return {};
}

// What the caller has left open (a lock's descriptor, make's jobserver) is CMD's if there is one. No process of the
// cluster gets it, and a launcher that stays would keep it: a lock held, a pipe without an end.
std::vector<int> fds_for_command(const Options& options, std::vector<int> inherited) {
  if (options.verb == Verb::kRun) return inherited;
  for (int fd : inherited) (void)UniqueFd(fd);
  return {};
}

// From the state directory to the end of the cluster. `detached` tells the parent of a detached launcher how it went.
Result<int> keep_cluster(Plan plan, const Facts& facts, const Options& options, const Layout& layout, Timeline timeline,
                         const UniqueFd& detached, std::vector<int> inherited) {
  StatePlan state_plan;
  state_plan.base = plan.state_base;
  state_plan.uid = facts.uid;
  state_plan.id = cluster_id(facts.job, plan.name);
  for (const StateCandidate& candidate : facts.state) state_plan.other_bases.push_back(candidate.path);
  Cleaner cleaner;
  if (plan.identity.rung != IdentityRung::kSingle)
    cleaner.write_id_maps = [identity = plan.identity](pid_t pid) { return write_id_maps(pid, identity); };
  StateDir state = TRY(StateDir::create(state_plan, cleaner));

  SessionPlan session;
  session.plan = std::move(plan);
  session.wrapper = layout.wrapper;
  session.style = Progress::style_for(options.quiet);
  if (options.verb == Verb::kRun) session.command = options.command;
  session.command_fds = fds_for_command(options, std::move(inherited));
  if (detached)
    session.detach = [&detached, log = state.file("log/sublet.log")](int status) { let_go(detached, log, status); };
  return ClusterSession(std::move(session), std::move(state), std::move(timeline)).run();
}

}  // namespace

Result<int> up(const Invocation& invocation) {
  const Options& options = invocation.options;
  TRY(hold_back_signals());
  std::vector<int> inherited = TRY(keep_inherited_fds());
  Timeline timeline;
  const std::string executable = TRY(own_executable());
  const Layout layout = find_layout(executable);
  const std::string& own_components = invocation.loaded.config.components_dir;
  // A whole cluster for a mistyped name would be a long way to hear of it.
  if (options.verb == Verb::kRun)
    (void)TRY(find_command(options.command.front(), own_components.empty() ? layout.components : own_components));
  timeline.begin("facts and plan");
  Facts facts = TRY_WHILE("looking at this host", gather_facts(invocation.loaded.config, layout.components));
  for (const std::string& warning : facts.warnings) log::warning("{}", warning);
  Plan plan = TRY(make_plan(invocation.loaded.config, facts, user_directories(facts, invocation.loaded.config)));
  plan.components_dir = plan.config.components_dir.empty() ? layout.components : plan.config.components_dir;
  plan.archives = TRY(image_archives(layout, plan.config));
  plan.credentials = TRY(registry_credentials(plan.config));
  timeline.end("facts and plan");
  if (options.dry_run) {
    fmt::print("{}", options.json ? plan_as_json(plan) : plan_as_text(plan));
    return 0;
  }
  UniqueFd detached;
  if (options.detach) detached = TRY(detach_from_terminal());
  auto kept =
      keep_cluster(std::move(plan), facts, options, layout, std::move(timeline), detached, std::move(inherited));
  if (!kept && detached) {
    // The parent waits for the status; the words are ours to say.
    log::error("{}", to_string(kept.error()));
    let_go(detached, "/dev/null", static_cast<int>(kept.error().exit));
    return static_cast<int>(kept.error().exit);
  }
  return kept;
}

}  // namespace sublet::launcher
