// SPDX-License-Identifier: Apache-2.0
// Two «hosts» for tests of the bypass, made and used by an unprivileged user: the one that pods run on, with canaries
// on its loopback, and a server beyond a veth. Nothing leaves them. Addresses and ports: probe/probe.h.
#pragma once

#include "tests/support/netns_world.h"

namespace sublet::test {

struct PodRun {
  int status = -1;
  std::string out;  // and err
};

class BypassWorld {
 public:
  static Result<BypassWorld> create();
  /// Runs pod_up with these words on the host.
  [[nodiscard]] Result<PodRun> pod(const std::vector<std::string>& words, int timeout_ms = 60000) const;
  /// Did one of the canaries hear anything up to now?
  [[nodiscard]] bool heard() const;

  Namespaces host;

 private:
  explicit BypassWorld(Namespaces h) : host(std::move(h)) {}
  std::unique_ptr<Child> server_;
  std::unique_ptr<Child> dialler_;  // on the host
  std::vector<UniqueFd> canaries_;
};

/// Why a world cannot be made here; empty if it can.
[[nodiscard]] std::string why_no_bypass();

}  // namespace sublet::test
