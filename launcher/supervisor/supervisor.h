// SPDX-License-Identifier: Apache-2.0
// The supervisor: starts services when what they need is ready, watches them, restarts those that end, stops all in
// reverse order. The same code runs on the host side and as part of node-init. It never logs: it reports events.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/process.h"
#include "launcher/supervisor/restart.h"
#include "launcher/supervisor/service.h"

namespace sublet::launcher {

/// Something that happened to a service.
struct ServiceEvent {
  enum class Kind { kStarted, kReady, kEnded, kGivenUp, kStopped };
  Kind kind;
  std::string service;
  std::string detail;  // kEnded: how; kGivenUp: why
  pid_t pid = 0;
};
[[nodiscard]] const char* name_of(ServiceEvent::Kind kind);

class Supervisor {
 public:
  using Listener = std::function<void(const ServiceEvent&)>;
  /// Turns a service into what is spawned, for what this side knows only (a filter, a death signal).
  using Decorate = std::function<Result<void>(const Service&, Command&)>;

  /// `services` must be in start order (in_start_order()).
  Supervisor(EventLoop& loop, std::vector<Service> services, Decorate decorate, Listener listener);

  /// Starts all that waits for nothing; the rest follows as its needs get ready.
  void start();
  /// For readiness kTold. Unknown names and services that are not running are ignored.
  void mark_ready(const std::string& name);
  /// Stops all in reverse order, then calls back once. No service is restarted from now on.
  void stop(std::function<void()> done);
  /// Ends one service at once (SIGKILL), so that it is started anew as after any other end.
  void restart(const std::string& name);
  /// Ends one service at once (SIGKILL); it is not restarted.
  void kill_for_good(const std::string& name);
  [[nodiscard]] bool owns(pid_t pid) const;
  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  enum class State { kWaiting, kStarting, kReady, kBackOff, kGivenUp, kStopping, kStopped };
  struct Entry {
    Service service;
    State state = State::kWaiting;
    std::optional<Process> process;
    RestartHistory history;
    std::chrono::steady_clock::time_point started{};
    EventLoop::Watch exit_watch;
    EventLoop::Watch timer;  // readiness, back-off or grace: never two at once
  };

  void start_what_can();
  void start_one(Entry& entry);
  Result<Process> spawn(const Service& service) const;
  void look_whether_ready(Entry& entry);
  void now_ready(Entry& entry);
  void ended(Entry& entry, const std::string& how);
  void stop_next();
  void report(ServiceEvent::Kind kind, const Entry& entry, std::string detail = {}) const;
  [[nodiscard]] bool is_ready(const std::string& name) const;
  EventLoop::Watch timer(std::chrono::milliseconds delay, std::function<void()> callback);

  EventLoop& loop_;
  std::vector<std::unique_ptr<Entry>> entries_;
  Decorate decorate_;
  Listener listener_;
  bool stopping_ = false;
  std::function<void()> stopped_;
};

}  // namespace sublet::launcher
