// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/socket_store.h"

#include <sys/socket.h>

namespace sublet::launcher {
namespace {

// A full message's worth; more are fetched when half of them are gone.
constexpr unsigned kStore = kMostSockets;
constexpr unsigned kLow = kStore / 2;

// Has the other end gone? What the thread waits for stays where it is.
bool is_closed(int channel) {
  char byte;
  return ::recv(channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

SocketStore::SocketStore(UniqueFd channel, std::optional<SocketKind> at_once) : channel_(std::move(channel)) {
  if (at_once) shelves_[static_cast<std::size_t>(*at_once)].wanted = true;
  thread_ = std::thread([this] { work(); });
}

SocketStore::~SocketStore() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  (void)::shutdown(channel_.get(), SHUT_RDWR);  // it may be waiting for sockets
  thread_.join();
}

UniqueFd SocketStore::take(SocketKind kind) {
  Shelf& shelf = shelves_[static_cast<std::size_t>(kind)];
  std::unique_lock lock(mutex_);
  over_ = over_ || is_closed(channel_.get());
  const unsigned refused = shelf.refused;
  const bool first = !std::exchange(shelf.wanted, true);
  if (shelf.sockets.empty() || first) changed_.notify_all();
  changed_.wait(lock, [&] { return !shelf.sockets.empty() || over_ || shelf.refused != refused; });
  // Once the cluster is gone, what is in store leads nowhere.
  if (over_ || shelf.sockets.empty()) return UniqueFd();
  UniqueFd socket = std::move(shelf.sockets.back());
  shelf.sockets.pop_back();
  if (shelf.sockets.size() == kLow) changed_.notify_all();
  return socket;
}

bool SocketStore::is_over() {
  std::lock_guard lock(mutex_);
  over_ = over_ || is_closed(channel_.get());
  return over_;
}

std::optional<std::size_t> SocketStore::low_shelf() const {
  for (std::size_t i = 0; i < shelves_.size(); ++i)
    if (shelves_[i].wanted && shelves_[i].sockets.size() <= kLow) return i;
  return std::nullopt;
}

void SocketStore::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || low_shelf(); });
    if (stopping_) return;
    const std::size_t index = *low_shelf();
    Shelf& shelf = shelves_[index];
    const SocketWish wish{static_cast<SocketKind>(index), kStore - static_cast<unsigned>(shelf.sockets.size())};
    lock.unlock();
    auto fetched = ask_for_sockets(channel_.get(), wish);
    lock.lock();
    if (fetched) {
      for (UniqueFd& socket : *fetched) shelf.sockets.push_back(std::move(socket));
    } else {
      over_ = over_ || static_cast<bool>(fetched.error().code);
      ++shelf.refused;
      shelf.wanted = false;  // until somebody asks again
    }
    changed_.notify_all();
    if (over_) {
      for (Shelf& each : shelves_) each.sockets.clear();
      return;
    }
  }
}

}  // namespace sublet::launcher
