// SPDX-License-Identifier: Apache-2.0
// What the pods of a node ask for together, as the kubelet reckons it when it starts: a running pod that does not fit
// into what the node has then is failed by it. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/plan/plan.h"

namespace sublet::launcher {

struct Requests {
  std::uint64_t milli_cpus = 0;
  std::uint64_t memory_bytes = 0;

  [[nodiscard]] bool operator==(const Requests&) const = default;
};

/// A quantity of the API ("100m", "1.5", "2Gi", "1e3") times `scale`, rounded up; nothing if it is none, or negative.
[[nodiscard]] std::optional<std::uint64_t> quantity(std::string_view text, double scale = 1);

/// Of those pods of a PodList that have not ended: containers and sidecars together or, if that is more, an init
/// container beside the sidecars before it; what the pod asks for as a whole instead; its overhead. A container that is
/// being resized counts with the larger size. What cannot be read counts as too much.
[[nodiscard]] Requests requests_of(const nlohmann::json& pods);

/// Whether a node that offers `plan`'s share holds that.
[[nodiscard]] bool fits(const Requests& asked, const Plan& plan);

/// "1.5 CPUs and 200 MiB"
[[nodiscard]] std::string to_text(const Requests& asked);

}  // namespace sublet::launcher
