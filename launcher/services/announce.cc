// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/announce.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"

namespace sublet::launcher {
namespace {

constexpr std::chrono::seconds kAgain{2};

}  // namespace

Announcer::Announcer(ClientPlan plan) {
  // What waits for an answer ends no sooner than this.
  plan.timeout = std::chrono::seconds(2);
  thread_ = std::thread([this, plan = std::move(plan)] { work(plan); });
}

Announcer::~Announcer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Announcer::patch(const std::string& path, const std::string& body) {
  {
    std::lock_guard lock(mutex_);
    patches_[path] = body;
  }
  changed_.notify_all();
}

void Announcer::work(const ClientPlan& plan) {
  std::optional<ApiClient> client;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !patches_.empty(); });
    if (stopping_) return;
    const auto [path, body] = *patches_.begin();
    patches_.erase(patches_.begin());
    lock.unlock();
    if (!client)
      if (auto made = ApiClient::create(plan)) client = std::move(*made);
    Result<void> told;
    if (!client)
      told = fail("no client");
    else if (auto answer = client->patch(path, nlohmann::json::parse(body, nullptr, false)); !answer)
      told = tl::unexpected(answer.error());
    lock.lock();
    // One that has gone meanwhile needs no status.
    if (told || told.error().is(ENOENT)) continue;
    log::debug("{}", told.error().what);
    patches_.try_emplace(path, body);
    changed_.wait_for(lock, kAgain, [this] { return stopping_; });
  }
}

}  // namespace sublet::launcher
