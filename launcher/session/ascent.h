// SPDX-License-Identifier: Apache-2.0
// What has to be done through the API and containerd until a cluster is ready. Runs in threads of its own, since each
// step waits; it tells the event loop through a Listener and can be cancelled at any moment.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/api/client.h"
#include "launcher/plan/plan.h"

namespace sublet::launcher {

struct AscentPlan {
  std::string state_dir;
  Plan plan;
  ClientPlan api;
};

class Ascent {
 public:
  /// Called in the ascent's threads.
  struct Listener {
    std::function<void(const std::string& phase)> begun;
    std::function<void(const std::string& phase)> ended;
    std::function<void(const char* service)> reached;  // a service or milestone that is told to be ready
    std::function<void(const char* service, const std::string& why)> restart;
    std::function<void(Result<void>)> done;  // once; not after cancel()
  };
  [[nodiscard]] static Result<std::unique_ptr<Ascent>> create(AscentPlan plan, Listener listener);
  /// Cancels and waits for the threads.
  ~Ascent();
  Ascent(const Ascent&) = delete;
  Ascent& operator=(const Ascent&) = delete;

  /// containerd answers: images can be imported.
  void containerd_ready();
  /// Makes every wait end soon. The cluster should be gone or going: calls under way end with its sockets.
  void cancel();

 private:
  Ascent(AscentPlan plan, Listener listener, UniqueFd stop);
  void wake_all();
  Result<void> climb();
  Result<void> climb_api();
  Result<void> climb_controllers();
  void note_failure(Result<void> result);
  Result<void> import_images();
  Result<void> import_one(const std::string& archive);
  Result<void> wait_for_dns();
  Result<void> phase(const std::string& name, const std::function<Result<void>()>& step);
  [[nodiscard]] Result<void> still_wanted() const;
  [[nodiscard]] std::chrono::milliseconds time_left() const;

  AscentPlan plan_;
  Listener listener_;
  UniqueFd stop_;  // readable when nothing more is wanted
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> api_ready_ = false;
  std::atomic<bool> failed_ = false;  // first_failure_ is set
  std::mutex mutex_;
  std::condition_variable changed_;
  bool containerd_ready_ = false;
  std::optional<Error> first_failure_;
  std::chrono::steady_clock::time_point deadline_;
  std::thread thread_;
};

}  // namespace sublet::launcher
