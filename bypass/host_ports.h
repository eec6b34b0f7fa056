// SPDX-License-Identifier: Apache-2.0
// The ports of the host that lead to pods. Accepts there, asks whose connection it is, chooses an endpoint, and hands
// the connection to the pod's own accept (Doors), or where that can't be, carries it (Relay). One thread, which never
// waits for anybody: what is not decided yet are visitors, of which a port has so many at a time; then it accepts no
// more, and clients wait with the kernel.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/choice.h"
#include "bypass/doors.h"
#include "bypass/owner.h"
#include "bypass/pod.h"
#include "bypass/pod_sockets.h"
#include "bypass/port_listener.h"
#include "bypass/port_table.h"
#include "bypass/relay.h"

namespace sublet::bypass {

class HostPorts {
 public:
  /// What is borrowed lives longer.
  struct Means {
    Doors& doors;
    PodSockets& sockets;
    Relay& relay;
    std::shared_ptr<Pod> node;  // the cluster's own network, as if it were a pod's: what is relayed goes by it
    OwnerCheck owner;
    int channel;  // SOCK_SEQPACKET: "table" with a memfd comes in, a PortState goes out whenever one has changed
  };
  [[nodiscard]] static Result<std::unique_ptr<HostPorts>> start(Means means, const IpAddress& address);
  ~HostPorts();
  HostPorts(const HostPorts&) = delete;
  HostPorts& operator=(const HostPorts&) = delete;

  // From any thread; done soon, by the thread.
  /// The host's address has changed: all ports that have none of their own move to the new one.
  void move_to(const IpAddress& address);
  void pod_came(std::shared_ptr<Pod> pod);
  void pod_went(const std::string& uid);
  /// [{"key", "address", "port", "error", "open", "endpoints", "waiting", "relaying", and PortCounts'}].
  [[nodiscard]] nlohmann::json report();

 private:
  using Clock = std::chrono::steady_clock;
  struct Port {
    HostPort spec;
    std::uint64_t number = 0;  // in the epoll set
    std::optional<PortListener> listener;
    std::string error;
    int failures = 0;  // of binding, in a row
    Clock::time_point again;
    bool watched = false;
    std::size_t waiting = 0;   // visitors
    std::size_t relaying = 0;  // pairs
    Choice choice;
    PortCounts counts;
    std::set<std::string> named;  // strangers that the log has
  };
  struct Visitor {
    std::shared_ptr<Port> port;
    Endpoint client;
    bool stranger = false;
    UniqueFd connection;
    UniqueFd upstream;  // on its way to the endpoint
    Clock::time_point deadline;
    PortEndpoint at;
    std::vector<PortEndpoint> tried;
  };
  using DoorName = std::pair<std::string, std::uint16_t>;  // pod's uid, port
  // Who knocks at a door, and who waits for room there.
  struct Door {
    std::size_t knocking = 0;
    std::deque<std::uint64_t> parked;
  };

  explicit HostPorts(Means means, const IpAddress& address);
  void post(std::function<void()> call);
  void work();
  void on_event(std::uint64_t number, std::uint32_t events);
  void take_mail();
  [[nodiscard]] int next_timeout();

  // The table: host_ports.cc.
  [[nodiscard]] IpAddress address_of(const Port& port) const { return port.spec.address.value_or(address_); }
  void on_channel(std::uint32_t events);
  void replace(std::vector<HostPort> table);
  void settle(Port& port);
  void try_bind(Port& port);
  void drop(Port& port);
  void watch(Port& port);
  void watch_channel(bool writable);
  void tell();
  void hold_doors();

  // Connections: visitors.cc.
  void accept_some(const std::shared_ptr<Port>& port);
  void welcome(const std::shared_ptr<Port>& port, UniqueFd connection, const Endpoint& client);
  void send_on(std::uint64_t number);
  enum class Tried : std::uint8_t { kTaken, kParked, kNoDoor };
  [[nodiscard]] Tried try_door(std::uint64_t number, Visitor& visitor);
  [[nodiscard]] bool dial(std::uint64_t number, Visitor& visitor);
  void on_knocked(std::uint64_t number, const DoorName& name, Doors::Outcome outcome, UniqueFd connection,
                  UniqueFd doorbell);
  void on_dialled(std::uint64_t number);
  void join(std::uint64_t number, UniqueFd upstream);
  void turn_away(std::uint64_t number);
  void leave(std::uint64_t number);
  void expire();

  Means means_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mail_mutex_;
  std::vector<std::function<void()>> mail_;
  bool stopping_ = false;

  std::mutex mutex_;  // all below: the thread has it but while it waits
  IpAddress address_;
  std::uint64_t last_number_ = 1;
  std::map<std::string, std::shared_ptr<Port>> ports_;
  std::map<std::uint64_t, std::shared_ptr<Port>> listening_;
  std::map<std::uint64_t, Visitor> visitors_;
  std::map<std::string, std::shared_ptr<Pod>> pods_;
  std::map<DoorName, Door> knocks_;
  std::map<DoorName, std::shared_ptr<Pod>> open_doors_;
  std::map<std::string, std::string> told_;
  std::size_t dialling_ = 0;
  bool channel_full_ = false;
  bool untold_ = false;                    // a port may be other than the launcher knows
  std::optional<Clock::time_point> rest_;  // out of descriptors: until then nothing is accepted
  std::thread thread_;
};

/// Where the host is reached: its first address on the device, IPv4 before IPv6; loopback where there is none. Pure.
[[nodiscard]] IpAddress address_on(const std::vector<HostRoute>& routes, int device);

}  // namespace sublet::bypass
