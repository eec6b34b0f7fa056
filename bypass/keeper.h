// SPDX-License-Identifier: Apache-2.0
// Keeps what must outlive a broker: the listeners of watched containers (a program whose listener is closed gets ENOSYS
// for every watched call), and the memory of calls under way. Runs in node-init, which lives as long as the cluster, in
// its event loop. Whichever broker is connected is told of all of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/unix_socket.h"
#include "bypass/announcement.h"

namespace sublet::bypass {

// Keeper → broker: "memory" with the memory of Slots; then one message for each listener, and for each new one as it
// comes (announcement(), with the listener and the pod's network namespace); "known" after those that were there
// before. "isolation …" (isolation.h) comes right after the memory, if anybody has told of any, and again with each
// change. Broker → keeper: "gone N": nobody is left under listener N's filter.

class Keeper {
 public:
  /// Listens at `path` (kKeeperSocket), for this process's own uid alone.
  [[nodiscard]] static Result<std::unique_ptr<Keeper>> create(EventLoop& loop, const std::string& path);
  /// From now on this is the broker.
  void connect(UniqueFd broker);

 private:
  struct Kept {
    Announcement announcement;
    UniqueFd listener;
    UniqueFd network;
  };
  explicit Keeper(EventLoop& loop) : loop_(loop) {}
  void take_one();
  /// One message of somebody's: a container's listener, or who is isolated.
  Result<void> take(int connection);
  Result<void> keep(Message message);
  void on_broker(std::uint32_t events);
  void tell();
  void watch(bool writable);

  EventLoop& loop_;
  UniqueFd memory_;
  UniqueFd socket_;
  UniqueFd broker_;
  std::map<std::uint32_t, Kept> kept_;
  std::uint32_t last_ = 0;   // number given out
  std::uint32_t told_ = 0;   // the broker knows those up to here
  std::uint32_t known_ = 0;  // and hears "known" after this one
  bool said_known_ = false;
  std::string isolation_;  // the message; empty: nobody has told
  bool isolation_told_ = true;
  EventLoop::Watch socket_watch_;
  EventLoop::Watch broker_watch_;
};

}  // namespace sublet::bypass
