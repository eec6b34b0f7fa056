// SPDX-License-Identifier: Apache-2.0
// A question to the workload manager, asked beside everything else: its commands take long where the controller is
// busy, and for ever where it is down.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "launcher/allocation/inquiry.h"

namespace sublet::launcher {

class Asking {
 public:
  /// `answered` is called once, in a thread of its own, with what the command printed; not after the object is gone.
  [[nodiscard]] static Result<std::unique_ptr<Asking>> start(Inquiry inquiry,
                                                             std::function<void(Result<std::string>)> answered);
  /// Kills the command if it still runs.
  ~Asking();
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  explicit Asking(UniqueFd stop) : stop_(std::move(stop)) {}
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace sublet::launcher
