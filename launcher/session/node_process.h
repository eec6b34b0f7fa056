// SPDX-License-Identifier: Apache-2.0
// The host's end of node-init: starts it in its namespaces, hears its reports, sends it requests, gets sockets from it.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/unique_fd.h"
#include "launcher/node/orders.h"

namespace sublet::launcher {

/// Hands out unconnected TCP sockets of the cluster's network namespace, made inside and passed out: what the host side
/// connects to anything inside with, without ever entering. Any thread may ask.
class InnerSockets {
 public:
  explicit InnerSockets(UniqueFd channel) : channel_(std::move(channel)) {}
  /// Non-blocking, close-on-exec. An error once node-init is gone.
  [[nodiscard]] Result<UniqueFd> get();

 private:
  std::mutex mutex_;
  UniqueFd channel_;
  std::vector<UniqueFd> spare_;
};

struct NodeStart {
  NodeOrders orders;
  std::string log_path;                             // node-init's own messages
  std::function<Result<void>(pid_t)> when_created;  // as Command's: writes the id maps, finds the process its cgroup
  int lock_fd = -1;                                 // passed on: see kLockFd
};

class NodeProcess {
 public:
  /// One clone3 of all namespaces; node-init runs when this returns.
  [[nodiscard]] static Result<NodeProcess> start(const NodeStart& start);

  [[nodiscard]] const Process& process() const { return process_; }
  /// Readable when there is a report.
  [[nodiscard]] int control_fd() const { return control_.get(); }
  /// The next report, and the tap with kTap. An error if node-init has closed its end.
  struct Received {
    NodeReport report;
    UniqueFd tap;
  };
  [[nodiscard]] Result<Received> receive() const;
  Result<void> send(const NodeRequest& request, const std::vector<int>& fds = {}) const;
  [[nodiscard]] InnerSockets& sockets() { return *sockets_; }

 private:
  NodeProcess(Process process, UniqueFd control, UniqueFd sockets)
      : process_(std::move(process)),
        control_(std::move(control)),
        sockets_(std::make_unique<InnerSockets>(std::move(sockets))) {}
  Process process_;
  UniqueFd control_;
  std::unique_ptr<InnerSockets> sockets_;
};

}  // namespace sublet::launcher
