// SPDX-License-Identifier: Apache-2.0
// A port of a pod that the host takes connections for, and those that wait there, each with its doorbell. Shared by
// those who knock (doors.h) and those who answer (accepting.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "bypass/doors.h"
#include "bypass/options.h"

namespace sublet::bypass {

using Waiting = Doors::Waiting;

struct Door {
  explicit Door(std::uint16_t number) : port(number) {}

  const std::uint16_t port;
  /// Held while a bell is accepted, so that each finds what the other did; and while a listener's mode is changed for a
  /// moment, so that nobody takes that for the program's own doing.
  std::mutex mutex;
  bool open = true;
  bool forgotten = false;  // its pod is gone
  bool deferring = false;  // the listener has TCP_DEFER_ACCEPT
  std::size_t window = 1;
  std::map<std::uint32_t, Waiting> waiting;  // by the bell's own port and family
  /// Those for whom the bell of somebody before them will do, in their order. One bell wakes one program as well as
  /// many do; but of several workers each wants his own. So this is for doors where one thread has done all accepts
  /// lately, and for a moment only: whoever is not asked for by then gets a bell of his own (look_around()).
  std::deque<Waiting> behind;
  Doors::Acceptor acceptor;           // the latest
  std::uint32_t in_a_row = 0;         // its accepts since another's
  std::optional<IpAddress> heard_at;  // bells for this address reach its listener
  std::uint32_t ahead = 0;            // given without a look into the queue, since the latest look
  std::uint32_t parked = 0;           // programs that wait in accept for us to answer (accepting.h)

  /// What sockets accepted here are given of their listeners' options, for a short time.
  struct Inherited {
    std::uint64_t listener = 0;  // SO_COOKIE
    std::chrono::steady_clock::time_point read;
    std::vector<Setting> settings;
  };
  std::mutex inherited_mutex;
  CongestionControl usual{};  // of the pod's namespace
  std::vector<Inherited> inherited;

  static std::uint32_t key(std::uint16_t bell_port, bool v6) { return bell_port | (v6 ? 0x10000U : 0U); }
};

}  // namespace sublet::bypass
