// SPDX-License-Identifier: Apache-2.0
// What the integration tests of the bypass begin with: a world, and the probe run in a pod of it.
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/support/bypass_world.h"
#include "tests/support/unprivileged.h"

namespace sublet::test {

/// Prints why not.
inline bool can_run() {
  std::string why = become_unprivileged() ? why_no_bypass() : "root, and no user to become";
  if (!why.empty()) std::printf("skipped: %s\n", why.c_str());
  return why.empty();
}

inline BypassWorld new_world() {
  auto world = BypassWorld::create();
  if (!world) FAIL(to_string(world.error()));
  return std::move(*world);
}

/// The probe in a pod, by the tap alone or with what `options` say.
inline PodRun run(const BypassWorld& world, std::vector<std::string> options, const std::vector<std::string>& probe,
                  int timeout_ms = 60'000) {
  options.insert(options.end(), {"--", BYPASS_PROBE});
  options.insert(options.end(), probe.begin(), probe.end());
  auto seen = world.pod(options, timeout_ms);
  if (!seen) FAIL(to_string(seen.error()));
  return *seen;
}

/// The options of a pod with the bypass, and these.
inline std::vector<std::string> with(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = {"--bypass", "--ipv6", "--deny", "192.0.2.128/25", "--cluster", "10.0.2.0/24"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace sublet::test
