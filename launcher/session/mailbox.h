// SPDX-License-Identifier: Apache-2.0
// The way from the worker thread into the event loop: calls posted by one are made by the other.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

class Mailbox {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Mailbox>> create(EventLoop& loop);
  /// From any thread: `call` is made by the loop's thread, in the order of posting.
  void post(std::function<void()> call);

 private:
  Mailbox() = default;
  void deliver();
  UniqueFd event_;
  EventLoop::Watch watch_;
  std::mutex mutex_;
  std::vector<std::function<void()>> calls_;
};

}  // namespace sublet::launcher
