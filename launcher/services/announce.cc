// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/announce.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"

namespace sublet::launcher {
namespace {

constexpr std::chrono::seconds kAgain{2};
constexpr std::size_t kMostPosts = 100;

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

void Announcer::post(const std::string& path, const std::string& body) {
  {
    std::lock_guard lock(mutex_);
    if (posts_.size() >= kMostPosts) posts_.pop_front();
    posts_.emplace_back(path, body);
  }
  changed_.notify_all();
}

// False: the server is away, and it is to be told again.
bool Announcer::tell_one(ApiClient& client, std::unique_lock<std::mutex>& lock) {
  if (!posts_.empty()) {
    const auto [path, body] = std::move(posts_.front());
    posts_.pop_front();
    lock.unlock();
    const auto told = client.post(path, nlohmann::json::parse(body, nullptr, false));
    if (!told) log::debug("{}", told.error().what);
    lock.lock();
    return true;
  }
  const auto [path, body] = *patches_.begin();
  patches_.erase(patches_.begin());
  lock.unlock();
  const auto told = client.patch(path, nlohmann::json::parse(body, nullptr, false));
  if (!told) log::debug("{}", told.error().what);
  lock.lock();
  // One that has gone meanwhile needs no status.
  if (told || told.error().is(ENOENT)) return true;
  patches_.try_emplace(path, body);
  return false;
}

void Announcer::work(const ClientPlan& plan) {
  std::optional<ApiClient> client;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !patches_.empty() || !posts_.empty(); });
    if (stopping_) return;
    if (!client)
      if (auto made = ApiClient::create(plan)) client = std::move(*made);
    if (!client || !tell_one(*client, lock)) changed_.wait_for(lock, kAgain, [this] { return stopping_; });
  }
}

}  // namespace sublet::launcher
