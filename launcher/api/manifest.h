// SPDX-License-Identifier: Apache-2.0
// Objects as the API server takes them: their paths, by a small table of the kinds that sublet itself makes. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// The objects in JSON text: one object, an array of them, or a `List` (kind ending in "List" with items).
[[nodiscard]] Result<std::vector<nlohmann::json>> parse_manifests(std::string_view text);

/// "/api/v1/namespaces/kube-system/configmaps/coredns": by apiVersion, kind, metadata.name and metadata.namespace
/// ("default" where a namespaced one says none). Errors: a kind that is not in the table; a missing or impossible name.
[[nodiscard]] Result<std::string> object_path(const nlohmann::json& object);

/// "ConfigMap kube-system/coredns": for messages.
[[nodiscard]] std::string object_label(const nlohmann::json& object);

}  // namespace sublet::launcher
