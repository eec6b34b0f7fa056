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
  /// One of another kind, which is not kept in store.
  [[nodiscard]] UniqueFd make(const std::shared_ptr<Pod>& pod, int domain, int type, int protocol);

 private:
  void work();
  /// Has the thread make what `wanted_` says, in the pod's namespace. With `turn_` held.
  void ask(const std::shared_ptr<Pod>& pod);
  [[nodiscard]] int serve(Pod& pod);

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Pod> wanted_;
  struct {
    int domain = 0;
    int type = 0;
    int protocol = 0;
  } kind_;
  UniqueFd made_;
  int error_ = 0;
  bool done_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sublet::bypass
