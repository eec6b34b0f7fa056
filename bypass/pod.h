// SPDX-License-Identifier: Apache-2.0
// A pod, as the broker knows it: its network namespace, what was counted, and sockets of that namespace in store.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bypass/counters.h"
#include "bypass/record.h"

namespace sublet::bypass {

struct Pod {
  Pod(Record first, UniqueFd netns, ino_t inode)
      : record(std::move(first)), network(std::move(netns)), network_inode(inode) {}

  const Record record;  // of the container that came first: the pod's names are the same in all
  const UniqueFd network;
  const ino_t network_inode;
  Counters counters;
  std::atomic<bool> isolated{false};  // a NetworkPolicy keeps it from leaving freely

  // Unused TCP sockets of the pod's namespace; PodSockets fills them.
  std::mutex mutex;
  std::vector<UniqueFd> v4;
  std::vector<UniqueFd> v6;
};

}  // namespace sublet::bypass
