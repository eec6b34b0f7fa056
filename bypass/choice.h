// SPDX-License-Identifier: Apache-2.0
// Which endpoint a connection goes to: each in turn, or where the client was sent before (session affinity). Pure: the
// time is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bypass/port_table.h"

namespace sublet::bypass {

class Choice {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Endpoints come and go; who is known stays with his as long as it is there.
  void replace(std::vector<PortEndpoint> endpoints, std::chrono::seconds affinity);

  struct Wish {
    IpAddress client;
    bool stranger = false;                // takes none that is isolated from him
    std::vector<PortEndpoint> not_these;  // have been tried
  };
  /// Nothing: there is none left.
  [[nodiscard]] std::optional<PortEndpoint> next(const Wish& wish, Time now);
  /// The connection was made: the client stays with this one from now on.
  void keep(const IpAddress& client, const PortEndpoint& endpoint, Time now);

  [[nodiscard]] const std::vector<PortEndpoint>& endpoints() const { return endpoints_; }
  /// Is there any for him, tried or not?
  [[nodiscard]] bool has_for(const Wish& wish) const;

 private:
  struct Kept {
    PortEndpoint endpoint;
    Time until;
  };
  [[nodiscard]] bool is_there(const PortEndpoint& endpoint) const;
  void forget(Time now);

  std::vector<PortEndpoint> endpoints_;
  std::chrono::seconds affinity_{0};
  std::map<IpAddress, Kept> kept_;
  std::size_t turn_ = 0;
};

}  // namespace sublet::bypass
