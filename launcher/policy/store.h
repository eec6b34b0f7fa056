// SPDX-License-Identifier: Apache-2.0
// What the watches have told so far: filled by three threads, read by one.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "launcher/policy/compile.h"

namespace sublet::launcher {

enum class PolicyKind : std::uint8_t { kNamespaces, kPods, kPolicies };
inline constexpr std::size_t kPolicyKinds = 3;
[[nodiscard]] const char* path_of(PolicyKind kind);

class PolicyStore {
 public:
  /// `changed` is called, by whoever changes something, after each change.
  explicit PolicyStore(std::function<void()> changed) : changed_(std::move(changed)) {}

  /// All objects of a kind, as a list has them.
  void replace(PolicyKind kind, const std::vector<nlohmann::json>& objects);
  /// One event of a watch. False: the watch must begin anew with a list (410 Gone, or what is no event).
  [[nodiscard]] bool apply(PolicyKind kind, const nlohmann::json& event);
  /// Where a watch goes on; empty: with a list.
  [[nodiscard]] std::string version(PolicyKind kind) const;
  void set_version(PolicyKind kind, const std::string& version);
  /// Nothing until each kind has been listed once.
  [[nodiscard]] std::optional<PolicyWorld> world() const;

 private:
  void put(PolicyKind kind, const nlohmann::json& object);
  void drop(PolicyKind kind, const nlohmann::json& object);

  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::array<std::string, kPolicyKinds> versions_;
  std::array<bool, kPolicyKinds> listed_{};
  // By "namespace/name".
  std::map<std::string, NetworkPolicy> policies_;
  std::map<std::string, PolicyPod> pods_;
  std::map<std::string, Labels> namespaces_;
};

}  // namespace sublet::launcher
