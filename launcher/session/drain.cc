// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

using nlohmann::json;

bool runs(const json& pod) {
  const std::string phase = pod.value(json::json_pointer("/status/phase"), "");
  return !pod.value(json::json_pointer("/spec/nodeName"), "").empty() && phase != "Succeeded" && phase != "Failed";
}

json items_of(const json& pods) {
  if (!pods.is_object() || !pods.contains("items") || !pods["items"].is_array()) return json::array();
  return pods["items"];
}

}  // namespace

std::vector<std::string> deletions(const json& pods, std::chrono::seconds budget) {
  constexpr std::int64_t kDefaultGrace = 30;  // of Kubernetes
  std::vector<std::string> paths;
  for (const json& pod : items_of(pods)) {
    if (!runs(pod) || pod["metadata"].contains("deletionTimestamp")) continue;
    const std::int64_t asked = pod["spec"].value("terminationGracePeriodSeconds", kDefaultGrace);
    // With 0 the API server would forget the pod without waiting for its end.
    const std::int64_t grace = std::min(asked, std::max<std::int64_t>(budget.count(), 1));
    paths.push_back(fmt::format("/api/v1/namespaces/{}/pods/{}?gracePeriodSeconds={}",
                                pod["metadata"].value("namespace", ""), pod["metadata"].value("name", ""), grace));
  }
  return paths;
}

std::size_t running_pods(const json& pods) {
  const json items = items_of(pods);
  return static_cast<std::size_t>(std::count_if(items.begin(), items.end(), runs));
}

Drain::Drain(ClientPlan api, std::chrono::milliseconds time, std::function<void(Result<void>)> done)
    : thread_([this, api = std::move(api), time, done = std::move(done)]() mutable {
        auto result = run(std::move(api), time);
        if (!cancelled_) done(std::move(result));
      }) {}

Drain::~Drain() {
  cancelled_ = true;
  thread_.join();
}

Result<void> Drain::run(ClientPlan api, std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  constexpr std::chrono::milliseconds kLongestCall{2000};
  api.timeout = std::min(api.timeout, kLongestCall);
  ApiClient client = TRY(ApiClient::create(std::move(api)));
  const json pods = TRY(client.get("/api/v1/pods"));
  for (const std::string& path : deletions(pods, std::chrono::floor<std::chrono::seconds>(time)))
    if (auto removed = client.remove(path); !removed && !removed.error().is(ENOENT))
      return tl::unexpected(std::move(removed).error());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return client.wait_until(
      "the pods to end", "/api/v1/pods", [](const json& now) { return running_pods(now) == 0; },
      std::max(left, std::chrono::milliseconds(0)),
      [this]() -> Result<void> { return cancelled_ ? Result<void>(fail("cancelled")) : Result<void>(); });
}

}  // namespace sublet::launcher
