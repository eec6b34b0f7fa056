// SPDX-License-Identifier: Apache-2.0
// The event loop of the long-running processes: sd-event(3) with its sources as objects. One thread. A callback may
// destroy any watch, its own too.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/process.h"
#include "base/result.h"

struct sd_event;

namespace sublet {

class EventLoop {
 public:
  /// A source; gone with the object. Default-made: watches nothing.
  class Watch {
   public:
    Watch() = default;
    explicit Watch(std::shared_ptr<void> source) : source_(std::move(source)) {}
    void reset() { source_.reset(); }
    [[nodiscard]] bool active() const { return source_ != nullptr; }

   private:
    std::shared_ptr<void> source_;
  };

  [[nodiscard]] static Result<EventLoop> create();

  /// Calls back whenever one of `events` (EPOLLIN …) holds for `fd`, which is borrowed: it must stay open as long.
  [[nodiscard]] Result<Watch> on_fd(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback);
  /// Once, this long from now.
  [[nodiscard]] Result<Watch> after(std::chrono::milliseconds delay, std::function<void()> callback);
  /// Each time the signal comes. It is blocked for the thread first (signalfd(2) needs that).
  [[nodiscard]] Result<Watch> on_signal(int number, std::function<void()> callback);
  /// Once, when the process has ended; it is reaped then. `process` is borrowed.
  [[nodiscard]] Result<Watch> on_exit(const Process& process, std::function<void(ExitStatus)> callback);

  /// Until stop(). The value is stop()'s.
  [[nodiscard]] Result<int> run();
  void stop(int value);
  /// One round: waits at most `timeout` for something to call back (negative: for ever).
  Result<void> run_once(std::chrono::milliseconds timeout);

 private:
  explicit EventLoop(std::shared_ptr<sd_event> event) : event_(std::move(event)) {}
  std::shared_ptr<sd_event> event_;
};

}  // namespace sublet
