// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/watch.h"

#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

class OneKind : public Watched {
 public:
  OneKind(PolicyKind kind, PolicyStore& store) : kind_(kind), store_(store) {}
  [[nodiscard]] std::string path() const override { return path_of(kind_); }
  [[nodiscard]] std::string version() const override { return store_.version(kind_); }
  void set_version(const std::string& version) override { store_.set_version(kind_, version); }
  void replace(const std::vector<nlohmann::json>& objects) override { store_.replace(kind_, objects); }
  [[nodiscard]] bool apply(const nlohmann::json& event) override { return store_.apply(kind_, event); }

 private:
  const PolicyKind kind_;
  PolicyStore& store_;
};

}  // namespace

Result<void> follow_once(ApiClient& client, PolicyKind kind, PolicyStore& store) {
  OneKind watched(kind, store);
  return follow_once(client, watched);
}

void follow(const ClientPlan& plan, PolicyKind kind, PolicyStore& store) {
  OneKind watched(kind, store);
  follow(plan, watched, [] { return false; });
}

}  // namespace sublet::launcher
