// SPDX-License-Identifier: Apache-2.0
// Threads that keep a ServiceStore as the API server has it, and that can be ended.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "launcher/api/client.h"
#include "launcher/services/store.h"

namespace sublet::launcher {

class Followers {
 public:
  /// `store` lives longer.
  Followers(const ClientPlan& plan, ServiceStore& store, bool policies);
  /// Ends the watches, whatever they wait for, and waits for the threads.
  ~Followers();
  Followers(const Followers&) = delete;
  Followers& operator=(const Followers&) = delete;

 private:
  std::atomic<bool> stopping_{false};
  // A watch waits for minutes. That its connection ends is what ends it sooner, so we keep a hand on that.
  std::mutex mutex_;
  std::vector<UniqueFd> sockets_;
  std::vector<std::thread> threads_;
};

}  // namespace sublet::launcher
