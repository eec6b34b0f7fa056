// SPDX-License-Identifier: Apache-2.0
// What the OCI wrapper must know of the cluster's rungs. node-init writes it once, before containerd starts; the
// wrapper reads it at every call from a fixed path in the cluster's private /run. No environment variable changes it:
// the shim's environment is not ours alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_list.h"
#include "base/result.h"
#include "bypass/record.h"

namespace sublet::launcher {

inline constexpr const char* kOciSettingsPath = "/run/sublet/oci.json";

struct OciSettings {
  /// The real OCI runtime (runc), an absolute path.
  std::string runtime;
  /// Whether containers get cgroups of their own. False on the last rung, where pods share the job's.
  bool cgroups = true;
  /// The cluster's user namespace maps the ids 0 … id_limit-1, of users and of groups alike. 1: the single-UID rung.
  std::uint32_t id_limit = 1;
  /// Whether there is a broker for containers to be watched by.
  bool broker = false;
  /// What pods get that do not ask for anything else.
  bypass::Level bypass = bypass::Level::kOff;
  /// The CPUs that containers keep to; empty: all that there are.
  CpuList cpus;
  /// The wrapper's own path, for the runtime to call it back.
  std::string wrapper;
  /// The controllers that containers' cgroups have; what is asked of another one is dropped.
  std::vector<std::string> controllers;
  /// Whether pods may have connected UDP sockets run as the host's (Level::kFastUdp).
  bool udp = false;

  bool operator==(const OciSettings&) const = default;
};

/// Is the runtime crun? By its name: to start it for its version would cost every container as much.
[[nodiscard]] bool is_crun(const OciSettings& settings);

/// The file's text. from_json(to_json(s)) == s.
[[nodiscard]] std::string to_json(const OciSettings& settings);
/// Unknown keys are errors, as are missing ones: the writer and the reader are one version.
[[nodiscard]] Result<OciSettings> oci_settings_from_json(std::string_view text);

}  // namespace sublet::launcher
