// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "base/handle.h"

namespace sublet {
namespace {

// A source and what it calls. sd-event holds a pointer to it; destroying it disables the source first.
template <typename Callback>
struct Source {
  explicit Source(Callback function) : callback(std::move(function)) {}
  ~Source() {
    if (source != nullptr) sd_event_source_disable_unref(source);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  Callback callback;
  sd_event_source* source = nullptr;
};

// The callback is copied before the call: it may destroy its own source.
int call_io(sd_event_source*, int, std::uint32_t events, void* data) {
  auto callback = static_cast<Source<std::function<void(std::uint32_t)>>*>(data)->callback;
  callback(events);
  return 0;
}
int call_timer(sd_event_source*, std::uint64_t, void* data) {
  auto callback = static_cast<Source<std::function<void()>>*>(data)->callback;
  callback();
  return 0;
}
int call_signal(sd_event_source*, const signalfd_siginfo*, void* data) {
  auto callback = static_cast<Source<std::function<void()>>*>(data)->callback;
  callback();
  return 0;
}

Result<EventLoop::Watch> added(int status, std::shared_ptr<void> source, const char* what) {
  if (status < 0) return fail_errno(what, -status);
  return EventLoop::Watch(std::move(source));
}

}  // namespace

Result<EventLoop> EventLoop::create() {
  sd_event* event = nullptr;
  if (int status = sd_event_new(&event); status < 0) return fail_errno("sd_event_new", -status);
  return EventLoop(std::shared_ptr<sd_event>(event, Deleter<sd_event_unref>()));
}

Result<EventLoop::Watch> EventLoop::on_fd(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback) {
  auto source = std::make_shared<Source<std::function<void(std::uint32_t)>>>(std::move(callback));
  int status = sd_event_add_io(event_.get(), &source->source, fd, events, call_io, source.get());
  return added(status, source, "sd_event_add_io");
}

Result<EventLoop::Watch> EventLoop::after(std::chrono::milliseconds delay, std::function<void()> callback) {
  auto source = std::make_shared<Source<std::function<void()>>>(std::move(callback));
  auto delay_us = static_cast<std::uint64_t>(std::chrono::microseconds(delay).count());
  constexpr std::uint64_t kAccuracyUs = 1000;
  int status = sd_event_add_time_relative(event_.get(), &source->source, CLOCK_MONOTONIC, delay_us, kAccuracyUs,
                                          call_timer, source.get());
  return added(status, source, "sd_event_add_time");
}

Result<EventLoop::Watch> EventLoop::on_signal(int number, std::function<void()> callback) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail_errno("sigprocmask");
  auto source = std::make_shared<Source<std::function<void()>>>(std::move(callback));
  int status = sd_event_add_signal(event_.get(), &source->source, number, call_signal, source.get());
  return added(status, source, "sd_event_add_signal");
}

Result<EventLoop::Watch> EventLoop::on_exit(const Process& process, std::function<void(ExitStatus)> callback) {
  // Not sd_event_add_child_pidfd: that wants SIGCHLD blocked by every caller. A pidfd is readable at the end anyway.
  auto reap = [&process, callback = std::move(callback)](std::uint32_t) {
    auto status = process.try_wait();
    // Reaped by somebody else (it can't be: we own it) would come as ECHILD; report it as an unknown end.
    if (!status) return callback(ExitStatus{false, 255});
    if (*status) callback(**status);
  };
  auto source = std::make_shared<Source<std::function<void(std::uint32_t)>>>(std::move(reap));
  int status = sd_event_add_io(event_.get(), &source->source, process.pidfd(), EPOLLIN, call_io, source.get());
  // Once, as a reaped pidfd stays readable. Not EPOLLONESHOT: sd_event_add_io(3) refuses that with EINVAL.
  if (status >= 0) status = sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
  return added(status, source, "sd_event_add_io");
}

Result<int> EventLoop::run() {
  int status = sd_event_loop(event_.get());
  if (status < 0) return fail_errno("sd_event_loop", -status);
  return status;
}

void EventLoop::stop(int value) { (void)sd_event_exit(event_.get(), value); }

Result<void> EventLoop::run_once(std::chrono::milliseconds timeout) {
  std::uint64_t timeout_us =
      timeout.count() < 0 ? UINT64_MAX : static_cast<std::uint64_t>(std::chrono::microseconds(timeout).count());
  if (int status = sd_event_run(event_.get(), timeout_us); status < 0) return fail_errno("sd_event_run", -status);
  return {};
}

}  // namespace sublet
