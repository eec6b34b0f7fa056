// SPDX-License-Identifier: Apache-2.0
// One look at what the pods on the node ask for, in a thread of its own: the API server may take its time.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "launcher/api/client.h"
#include "launcher/cluster/requests.h"

namespace sublet::launcher {

class Survey {
 public:
  /// `done` is called once, in the survey's thread.
  Survey(ClientPlan api, const std::string& node, std::function<void(Result<Requests>)> done);
  /// Waits for the thread, which is at its one call at most.
  ~Survey();
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

 private:
  std::thread thread_;
};

}  // namespace sublet::launcher
