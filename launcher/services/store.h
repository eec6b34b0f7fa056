// SPDX-License-Identifier: Apache-2.0
// What the watches have told so far of Services and what belongs to them: filled by a thread for each kind, read by
// one.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "launcher/api/watch.h"
#include "launcher/services/table.h"

namespace sublet::launcher {

enum class ServiceKind : std::uint8_t { kServices, kSlices, kPods, kPolicies };
inline constexpr std::size_t kServiceKinds = 4;

class ServiceStore {
 public:
  /// All Services as they are now, by "namespace/name"; nothing: what is known of them may be old.
  using TellServices = std::function<void(const std::map<std::string, ServiceObject>*)>;
  /// `changed` is called, by whoever changes something that matters, after each change. Without `policies` nobody
  /// heeds NetworkPolicies, and they are not waited for. `services` is told by the thread that follows those, before.
  ServiceStore(std::function<void()> changed, bool policies, TellServices services = {});
  ServiceStore(const ServiceStore&) = delete;
  ServiceStore& operator=(const ServiceStore&) = delete;

  /// For follow(); one thread for each kind.
  [[nodiscard]] Watched& watched(ServiceKind kind) { return *kinds_[static_cast<std::size_t>(kind)]; }
  /// Nothing until each kind has been listed once.
  [[nodiscard]] std::optional<ServiceWorld> world() const;

 private:
  // By "namespace/name".
  template <typename Value>
  class Kind : public Watched {
   public:
    using Tell = std::function<void(const std::map<std::string, Value>*)>;
    Kind(ServiceStore& store, std::string path, Value (*read)(const nlohmann::json&), Tell tell = {})
        : store_(store), path_(std::move(path)), read_(read), tell_(std::move(tell)) {}
    [[nodiscard]] std::string path() const override { return path_; }
    [[nodiscard]] std::string version() const override { return version_; }
    void set_version(const std::string& version) override { version_ = version; }
    void replace(const std::vector<nlohmann::json>& objects) override;
    [[nodiscard]] bool apply(const nlohmann::json& event) override;
    void lost() override;
    [[nodiscard]] std::vector<Value> all() const;

    bool listed = false;

   private:
    ServiceStore& store_;
    const std::string path_;
    Value (*const read_)(const nlohmann::json&);
    const Tell tell_;
    std::string version_;  // of its thread alone
    std::map<std::string, Value> values_;
  };

  const std::function<void()> changed_;
  const bool policies_;
  mutable std::mutex mutex_;
  Kind<ServiceObject> services_;
  Kind<SliceObject> slices_;
  Kind<PodObject> pods_;
  Kind<NetworkPolicy> policies_kind_;
  const std::array<Watched*, kServiceKinds> kinds_;
};

}  // namespace sublet::launcher
