// SPDX-License-Identifier: Apache-2.0
// The pods' end before the cluster's: all are deleted through the API, so that the kubelet runs their preStop hooks and
// sends SIGTERM, and waited for. What is to be deleted is decided purely; a thread of its own does it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "launcher/api/client.h"

namespace sublet::launcher {

/// A DELETE for each pod of a PodList that runs on a node and is not being deleted yet. A pod gets the grace that it
/// asks for, but no more than `budget`.
[[nodiscard]] std::vector<std::string> deletions(const nlohmann::json& pods, std::chrono::seconds budget);
/// How many of a PodList still run on a node.
[[nodiscard]] std::size_t running_pods(const nlohmann::json& pods);

class Drain {
 public:
  /// `done` is called once, in the drain's thread, with an error if pods were left when the time was up; not after the
  /// object is gone.
  Drain(ClientPlan api, std::chrono::milliseconds time, std::function<void(Result<void>)> done);
  /// Waits for the thread: calls under way end with the cluster's sockets, or after `time`.
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

 private:
  Result<void> run(ClientPlan api, std::chrono::milliseconds time);
  std::atomic<bool> cancelled_ = false;
  std::thread thread_;
};

}  // namespace sublet::launcher
