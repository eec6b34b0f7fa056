// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/survey.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

Result<Requests> look(ClientPlan api, const std::string& node) {
  constexpr std::chrono::milliseconds kLongestCall{2000};
  api.timeout = std::min(api.timeout, kLongestCall);
  ApiClient client = TRY(ApiClient::create(std::move(api)));
  return requests_of(TRY(client.get("/api/v1/pods?fieldSelector=spec.nodeName%3D" + node)));
}

}  // namespace

Survey::Survey(ClientPlan api, const std::string& node, std::function<void(Result<Requests>)> done)
    : thread_([api = std::move(api), node, done = std::move(done)]() mutable { done(look(std::move(api), node)); }) {}

Survey::~Survey() { thread_.join(); }

}  // namespace sublet::launcher
