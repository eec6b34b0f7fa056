// SPDX-License-Identifier: Apache-2.0
// What the launcher tells node-init, and what they say to each other.
//
// Orders come once, as JSON on a sealed memfd. After that both talk over one SOCK_SEQPACKET pair, a JSON object per
// message (NodeReport one way, NodeRequest the other); its end is the end: node-init takes the cluster down when the
// launcher is gone. A second pair hands out unconnected sockets of the cluster's network namespace, and so does one for
// each `sublet exec`.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/node/mounts.h"
#include "launcher/supervisor/service.h"
#include "netns/tap_orders.h"

namespace sublet::launcher {

// Descriptors that node-init is born with.
inline constexpr int kOrdersFd = 3;
inline constexpr int kControlFd = 4;
inline constexpr int kSocketsFd = 5;
// The state directory's lock: held here too, so that nobody takes the directory over while it is still being wiped.
inline constexpr int kLockFd = 6;

/// The node's own link: the tap, or a stand-in with the same addresses that leads nowhere.
struct NodeLink {
  bool tap = true;
  netns::TapOrders network;
  std::string services;  // the Services' prefix
};

struct NodeOrders {
  std::string hostname;
  std::string state_dir;  // on the host
  std::vector<MountStep> mounts;
  NodeLink link;
  std::vector<Service> services;  // in start order
  std::chrono::milliseconds pods_grace{5000};
  bool bypass = false;  // keep containers' listeners for a broker
  bool cgroup = false;  // node-init is put into the cluster's own cgroup before it begins
};

[[nodiscard]] std::string to_text(const NodeOrders& orders);
[[nodiscard]] Result<NodeOrders> orders_from_text(std::string_view text);

/// node-init → launcher.
struct NodeReport {
  enum class Kind {
    kRooted,   // the root is made; lines: optional steps left out, controllers that could not be given
    kTap,      // comes with the tap's descriptor
    kService,  // service, event, detail, pid
    kFailed,   // what, hint: bring-up inside failed, node-init ends
    kStopped,  // all has ended, the state is wiped; node-init ends
  };
  Kind kind;
  std::vector<std::string> lines;
  std::string service;
  std::string event;
  std::string detail;
  std::string hint;
  int pid = 0;
};
[[nodiscard]] std::string to_text(const NodeReport& report);
[[nodiscard]] Result<NodeReport> report_from_text(std::string_view text);

/// launcher → node-init.
struct NodeRequest {
  // kBroker comes with a descriptor: the keeper's end of the pair that it talks with a new broker through.
  // kSockets too: our end of a pair through which somebody else asks for sockets (launcher/node/sockets.h).
  // kHalt ends a service for good.
  enum class Kind { kReady, kRestart, kStop, kBroker, kSockets, kHalt };
  Kind kind;
  std::string service;                                  // kReady, kRestart, kHalt: which
  std::optional<std::chrono::milliseconds> pods_grace;  // kStop: instead of the orders'
};
[[nodiscard]] std::string to_text(const NodeRequest& request);
[[nodiscard]] Result<NodeRequest> request_from_text(std::string_view text);

}  // namespace sublet::launcher
