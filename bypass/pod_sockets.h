// SPDX-License-Identifier: Apache-2.0
// Sockets made inside pods' network namespaces. One thread hops from namespace to namespace (setns(2) is per thread,
// and there is no way back into the host's); the others stay in the host's. A few sockets of each pod are kept in
// store, for asking another thread costs two wake-ups.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"
#include "bypass/pod.h"

namespace sublet::bypass {

class PodSockets {
 public:
  PodSockets();
  ~PodSockets();
  PodSockets(const PodSockets&) = delete;
  PodSockets& operator=(const PodSockets&) = delete;

  /// A TCP socket of the pod's namespace, blocking, CLOEXEC; empty if none can be made (errno tells).
  [[nodiscard]] UniqueFd take(const std::shared_ptr<Pod>& pod, int domain);
  /// Sees to the pod having its `diag`. False: there is none to be had.
  [[nodiscard]] bool open_diag(const std::shared_ptr<Pod>& pod);

 private:
  void work();
  void ask(const std::shared_ptr<Pod>& pod, bool diag);
  [[nodiscard]] static int fill(Pod& pod, bool diag);

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Pod> wanted_;
  bool wants_diag_ = false;
  int error_ = 0;
  bool done_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sublet::bypass
