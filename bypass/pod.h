// SPDX-License-Identifier: Apache-2.0
// A pod, as the broker knows it: its network namespace, what was counted, and sockets of that namespace in store.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/cidr.h"
#include "base/unique_fd.h"
#include "bypass/counters.h"
#include "bypass/record.h"

namespace sublet::bypass {

struct Door;

/// A doorbell (doorbell.h) and where it calls from.
struct Bell {
  UniqueFd socket;
  IpAddress address;
  std::uint16_t port = 0;
};

/// What a listen(2) in the pod said.
struct Listening {
  int domain;
  int backlog;
};

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
  // For inet_diag in the pod's namespace; of the doors' thread alone once it is there.
  UniqueFd diag;

  // Ways in; doors.h fills them. An accept looks at the number first, which costs nothing where there are none.
  std::atomic<std::uint32_t> door_count{0};
  std::atomic<std::uint64_t> cookie{0};  // of the pod's network namespace, once there was a door
  std::mutex doors_mutex;
  std::map<std::uint16_t, std::shared_ptr<Door>> doors;
  std::map<std::uint16_t, Listening> listening;  // by port, of the latest listen(2) there
  std::vector<Bell> bells;                       // unconnected, for the next knock
};

}  // namespace sublet::bypass
