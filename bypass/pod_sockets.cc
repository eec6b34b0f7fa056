// SPDX-License-Identifier: Apache-2.0
#include "bypass/pod_sockets.h"

#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

namespace sublet::bypass {
namespace {

constexpr std::size_t kStore = 8;

int fill_one(std::vector<UniqueFd>& store, int domain) {
  while (store.size() < kStore) {
    UniqueFd socket(::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return store.empty() ? errno : 0;
    store.push_back(std::move(socket));
  }
  return 0;
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
  std::lock_guard turn(turn_);
  ask(pod, false);
  UniqueFd made = pop(*pod, domain);
  if (!made) errno = error_ != 0 ? error_ : EAFNOSUPPORT;
  return made;
}

bool PodSockets::open_diag(const std::shared_ptr<Pod>& pod) {
  std::lock_guard turn(turn_);
  ask(pod, true);
  return static_cast<bool>(pod->diag);
}

// With `turn_` held.
void PodSockets::ask(const std::shared_ptr<Pod>& pod, bool diag) {
  std::unique_lock lock(mutex_);
  wanted_ = pod;
  wants_diag_ = diag;
  done_ = false;
  changed_.notify_all();
  changed_.wait(lock, [this] { return done_; });
}

int PodSockets::fill(Pod& pod, bool diag) {
  if (::setns(pod.network.get(), CLONE_NEWNET) != 0) return errno;
  if (diag) {
    pod.diag.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    return pod.diag ? 0 : errno;
  }
  std::lock_guard lock(pod.mutex);
  const int v4 = fill_one(pod.v4, AF_INET);
  const int v6 = fill_one(pod.v6, AF_INET6);  // a kernel without IPv6 has none of these
  return v4 != 0 ? v4 : v6;
}

void PodSockets::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || (wanted_ != nullptr && !done_); });
    if (stopping_) return;
    error_ = fill(*wanted_, wants_diag_);
    wanted_.reset();
    done_ = true;
    changed_.notify_all();
  }
}

}  // namespace sublet::bypass
