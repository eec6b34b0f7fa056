// SPDX-License-Identifier: Apache-2.0
#include "launcher/supervisor/supervisor.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>

#include "base/check.h"
#include "base/sys.h"
#include "launcher/supervisor/readiness.h"

namespace sublet::launcher {

using Kind = ServiceEvent::Kind;

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kStarted: return "started";
    case Kind::kReady: return "ready";
    case Kind::kEnded: return "ended";
    case Kind::kGivenUp: return "given-up";
    case Kind::kStopped: return "stopped";
  }
  return "?";
}

Supervisor::Supervisor(EventLoop& loop, std::vector<Service> services, Decorate decorate, Listener listener)
    : loop_(loop), decorate_(std::move(decorate)), listener_(std::move(listener)) {
  for (Service& service : services) {
    entries_.push_back(std::make_unique<Entry>());
    entries_.back()->service = std::move(service);
  }
}

void Supervisor::report(Kind kind, const Entry& entry, std::string detail) const {
  listener_({kind, entry.service.name, std::move(detail), entry.process ? entry.process->pid() : 0});
}

bool Supervisor::is_ready(const std::string& name) const {
  // Once ready is enough to start those after it: they must stand a restart of it anyway.
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry->service.name == name && entry->history.ever_ready; });
}

bool Supervisor::owns(pid_t pid) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry->process && entry->process->pid() == pid; });
}

std::vector<pid_t> Supervisor::pids() const {
  std::vector<pid_t> list;
  for (const auto& entry : entries_)
    if (entry->process) list.push_back(entry->process->pid());
  return list;
}

EventLoop::Watch Supervisor::timer(std::chrono::milliseconds delay, std::function<void()> callback) {
  auto watch = loop_.after(delay, std::move(callback));
  CHECK(watch.has_value());  // fails only without memory
  return std::move(*watch);
}

void Supervisor::start() { start_what_can(); }

void Supervisor::start_what_can() {
  if (stopping_) return;
  for (const auto& entry : entries_) {
    const auto& after = entry->service.after;
    if (entry->state == State::kWaiting &&
        std::all_of(after.begin(), after.end(), [&](const std::string& needed) { return is_ready(needed); }))
      start_one(*entry);
  }
}

Result<Process> Supervisor::spawn(const Service& service) const {
  constexpr mode_t kLogMode = 0600;
  UniqueFd log = TRY(sys::open(service.log_path, O_WRONLY | O_CREAT | O_APPEND, kLogMode));
  UniqueFd null = TRY(sys::open("/dev/null", O_RDONLY));
  Command command;
  command.argv = service.argv;
  command.env = service.env;
  command.fds = {{null.get(), 0}, {log.get(), 1}, {log.get(), 2}};
  command.new_session = true;
  command.open_files = service.open_files;
  command.nicer = static_cast<int>(service.nicer);
  command.timer_slack = service.timer_slack;
  if (!service.own_view.empty()) command.private_mounts = {"/proc", "/sys"};
  command.private_binds = service.own_view;
  TRY(decorate_(service, command));
  return command.spawn();
}

void Supervisor::start_one(Entry& entry) {
  entry.state = State::kStarting;
  entry.started = std::chrono::steady_clock::now();
  if (entry.service.is_milestone()) return;
  auto process = spawn(entry.service);
  if (!process) return ended(entry, process.error().what);
  entry.process.emplace(std::move(*process));
  auto watch = loop_.on_exit(*entry.process, [this, &entry](ExitStatus status) { ended(entry, status.describe()); });
  CHECK(watch.has_value());
  entry.exit_watch = std::move(*watch);
  report(Kind::kStarted, entry);
  look_whether_ready(entry);
}

void Supervisor::look_whether_ready(Entry& entry) {
  if (entry.state != State::kStarting) return;
  if (entry.service.readiness.kind == Readiness::Kind::kTold && !entry.history.ever_ready) return;
  if (answers(entry.service.readiness)) return now_ready(entry);
  // There is nothing to wait on for a socket that does not exist yet; a look costs some microseconds.
  constexpr std::chrono::milliseconds kBetweenLooks{10};
  entry.timer = timer(kBetweenLooks, [this, &entry] { look_whether_ready(entry); });
}

void Supervisor::mark_ready(const std::string& name) {
  for (const auto& entry : entries_)
    if (entry->service.name == name && entry->state == State::kStarting) now_ready(*entry);
}

void Supervisor::now_ready(Entry& entry) {
  entry.state = State::kReady;
  entry.history.ever_ready = true;
  report(Kind::kReady, entry);
  start_what_can();
}

void Supervisor::ended(Entry& entry, const std::string& how) {
  report(Kind::kEnded, entry, how);
  entry.exit_watch.reset();
  entry.timer.reset();
  entry.process.reset();
  if (stopping_ || entry.state == State::kStopping) {
    entry.state = State::kStopped;
    report(Kind::kStopped, entry);
    if (stopping_) stop_next();
    return;
  }
  auto ran_for =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - entry.started);
  RestartDecision decision = decide_restart(entry.history, ran_for);
  entry.history = decision.history;
  if (!decision.delay) {
    entry.state = State::kGivenUp;
    return report(Kind::kGivenUp, entry, std::to_string(entry.history.in_a_row) + " failed starts, the last: " + how);
  }
  entry.state = State::kBackOff;
  entry.timer = timer(*decision.delay, [this, &entry] { start_one(entry); });
}

void Supervisor::restart(const std::string& name) {
  for (const auto& entry : entries_)
    if (entry->service.name == name && entry->process) (void)entry->process->signal(SIGKILL);
}

void Supervisor::kill_for_good(const std::string& name) {
  for (const auto& entry : entries_) {
    if (entry->service.name != name) continue;
    entry->timer.reset();
    if (!entry->process) {
      entry->state = State::kStopped;
      continue;
    }
    entry->state = State::kStopping;
    (void)entry->process->signal(SIGKILL);  // it may have ended already, which its watch tells
  }
}

void Supervisor::stop(std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  for (const auto& entry : entries_)
    if (!entry->process) {
      entry->timer.reset();
      entry->state = State::kStopped;
    }
  stop_next();
}

void Supervisor::stop_next() {
  // One that is being stopped already is waited for: the order is the promise.
  auto running = std::find_if(entries_.rbegin(), entries_.rend(), [](const auto& e) { return e->process.has_value(); });
  if (running == entries_.rend()) {
    if (auto done = std::exchange(stopped_, nullptr)) done();
    return;
  }
  Entry& entry = **running;
  if (entry.state == State::kStopping) return;
  entry.state = State::kStopping;
  auto grace = entry.service.stop_grace;
  (void)entry.process->signal(grace.count() == 0 ? SIGKILL : SIGTERM);
  entry.timer = timer(grace, [&entry] {
    if (entry.process) (void)entry.process->signal(SIGKILL);
  });
}

}  // namespace sublet::launcher
