// SPDX-License-Identifier: Apache-2.0
// Which ports of the host there shall be, and how they are: from what the watches tell and what was asked for, to the
// broker's table, and back. In the launcher's event loop, but for the watches' threads.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "bypass/port_table.h"
#include "launcher/services/announce.h"
#include "launcher/services/expose.h"
#include "launcher/services/followers.h"
#include "launcher/services/service_names.h"
#include "launcher/services/store.h"
#include "launcher/services/table.h"

namespace sublet::launcher {

class PortBoard {
 public:
  struct Plan {
    ClientPlan api;
    PortSettings settings;
    bool policies = false;  // NetworkPolicies are heeded
    /// Makes the call in the event loop; from any thread.
    std::function<void(std::function<void()>)> post;
    /// Word of a change that a person may want to know of.
    std::function<void(const std::string&)> say;
  };
  using Answer = std::function<void(const std::string&)>;

  PortBoard(EventLoop& loop, Plan plan);
  ~PortBoard();
  PortBoard(const PortBoard&) = delete;
  PortBoard& operator=(const PortBoard&) = delete;

  /// From now on this is the broker: an end of a SOCK_SEQPACKET pair.
  void connect(UniqueFd broker);
  /// Answers an ExposeRequest, at once or when it is known: {"address", "port", …}, {"ports": […]}, or {"error",
  /// "hint"}.
  void ask(const std::string& request, Answer answer);
  /// The Services' names as the watch has them, for a NamesReader. Empty: there is no memory for that.
  [[nodiscard]] UniqueFd names() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    ExposeRequest request;
    Answer answer;
    Clock::time_point began;
    std::optional<std::string> key;  // once it is known which port is meant
    std::optional<Exposed> before;   // what was exposed of it already
    EventLoop::Watch timer;
  };
  void tell_names(const std::map<std::string, ServiceObject>* services);
  void soon();
  void update();
  void send();
  void on_broker();
  void on_state(bypass::PortState state);
  void answer_pending();
  [[nodiscard]] std::optional<std::string> answer_to(Pending& pending);
  [[nodiscard]] std::optional<std::string> begin(Pending& pending);
  void undo(const Pending& pending);
  [[nodiscard]] std::string remove(const ExposeRequest& request);
  [[nodiscard]] std::string list() const;
  void announce();
  void tell_event(const WantedPort& wanted, const std::string& why);

  EventLoop& loop_;
  const Plan plan_;
  std::optional<NamesWriter> names_;  // its writer is the thread that follows Services
  std::string names_text_;            // what it was told last
  bool names_known_ = false;
  ServiceStore store_;
  std::optional<ServiceWorld> world_;
  std::vector<Exposed> exposed_;
  std::vector<WantedPort> wanted_;
  std::map<std::string, bypass::PortState> states_;
  std::map<std::string, std::uint16_t> last_;
  std::map<std::string, std::string> announced_;  // by the Service's uid
  std::string sent_;
  std::list<Pending> pending_;
  UniqueFd broker_;
  EventLoop::Watch broker_watch_;
  EventLoop::Watch soon_;
  Announcer announcer_;
  std::unique_ptr<Followers> followers_;  // last: its threads call back
};

}  // namespace sublet::launcher
