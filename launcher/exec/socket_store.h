// SPDX-License-Identifier: Apache-2.0
// Sockets of the cluster's network namespace, kept in store: node-init makes them, and asking it takes longer than a
// connect may. A thread fetches more before they run out.
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "launcher/node/sockets.h"

namespace sublet::launcher {

class SocketStore {
 public:
  /// Starts the thread. `channel`: see launcher/node/sockets.h. `at_once`: a kind to have in store from the start.
  explicit SocketStore(UniqueFd channel, std::optional<SocketKind> at_once = SocketKind::kTcp4);
  ~SocketStore();
  SocketStore(const SocketStore&) = delete;
  SocketStore& operator=(const SocketStore&) = delete;

  /// Waits only if there is none in store. Empty: the cluster is gone (is_over()), or has none left.
  [[nodiscard]] UniqueFd take(SocketKind kind);
  /// Whether the cluster is gone: there will be no socket any more.
  [[nodiscard]] bool is_over();

 private:
  struct Shelf {
    std::vector<UniqueFd> sockets;
    bool wanted = false;   // somebody has asked for this kind: keep it in store
    unsigned refused = 0;  // times that none came
  };
  void work();
  [[nodiscard]] std::optional<std::size_t> low_shelf() const;

  UniqueFd channel_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Shelf, kSocketKinds> shelves_;
  bool over_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sublet::launcher
