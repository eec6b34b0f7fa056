// SPDX-License-Identifier: Apache-2.0
// What all listeners of a broker share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "base/unique_fd.h"
#include "bypass/epoll_repair.h"
#include "bypass/options.h"
#include "bypass/pod_sockets.h"
#include "bypass/policy.h"
#include "bypass/slots.h"

namespace sublet::bypass {

/// The policy in force. Replaced as a whole; readers keep a copy and look at the generation, which costs a load.
class CurrentPolicy {
 public:
  explicit CurrentPolicy(PolicyFacts facts) { replace(std::move(facts)); }
  void replace(PolicyFacts facts);
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  [[nodiscard]] std::shared_ptr<const PolicyFacts> get() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const PolicyFacts> facts_;
  std::atomic<std::uint64_t> generation_{0};
};

class Accepting;
class Pending;

struct Tools {
  Slots& slots;
  CurrentPolicy& policy;
  PodSockets& pod_sockets;
  EpollRepair& repair;
  Pending& pending;
  Accepting& accepting;
  std::uint64_t host_network;  // the cookie of the namespace that host sockets are of
  bool receive_ends;           // see there
  const AllDefaults& defaults;
};

}  // namespace sublet::bypass
