// SPDX-License-Identifier: Apache-2.0
#include "bypass/pod_sockets.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

namespace sublet::bypass {
namespace {

constexpr std::size_t kStore = 8;

void fill(std::vector<UniqueFd>& store, int domain) {
  while (store.size() < kStore) {
    UniqueFd socket(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return;  // a kernel without IPv6 has none of these
    store.push_back(std::move(socket));
  }
}

UniqueFd pop(Pod& pod, int domain) {
  std::lock_guard lock(pod.mutex);
  std::vector<UniqueFd>& store = domain == AF_INET ? pod.v4 : pod.v6;
  if (store.empty()) return UniqueFd();
  UniqueFd socket = std::move(store.back());
  store.pop_back();
  return socket;
}

}  // namespace

PodSockets::PodSockets() : thread_([this] { work(); }) {}

PodSockets::~PodSockets() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

UniqueFd PodSockets::take(const std::shared_ptr<Pod>& pod, int domain) {
  if (UniqueFd stored = pop(*pod, domain)) return stored;
  return make(pod, domain, SOCK_STREAM, 0);
}

UniqueFd PodSockets::make(const std::shared_ptr<Pod>& pod, int domain, int type, int protocol) {
  std::lock_guard turn(turn_);
  kind_ = {domain, type, protocol};
  ask(pod);
  errno = error_;
  return std::move(made_);
}

void PodSockets::ask(const std::shared_ptr<Pod>& pod) {
  std::unique_lock lock(mutex_);
  wanted_ = pod;
  done_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return done_; });
}

int PodSockets::serve(Pod& pod) {
  if (::setns(pod.network.get(), CLONE_NEWNET) != 0) return errno;
  // Whoever asks gets one of his own: the store may be empty again before he looks there.
  made_ = UniqueFd(::socket(kind_.domain, kind_.type | SOCK_CLOEXEC, kind_.protocol));
  const int error = made_ ? 0 : errno;
  if (kind_.type == SOCK_STREAM) {
    std::lock_guard lock(pod.mutex);
    fill(pod.v4, AF_INET);
    fill(pod.v6, AF_INET6);
  }
  return error;
}

void PodSockets::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || (wanted_ != nullptr && !done_); });
    if (stopping_) return;
    error_ = serve(*wanted_);
    wanted_.reset();
    done_ = true;
    changed_.notify_all();
  }
}

}  // namespace sublet::bypass
