// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/announce.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kAgain{2};
constexpr std::ptrdiff_t kMostPosts = 100;
// An object that the server does not take is not offered for ever: a namespace may be ending for as long as it likes.
constexpr int kMostRefusals = 30;

// While it starts, a server forbids for a second or two what it will allow (see ARCHITECTURE.md, «A start, in time»).
bool may_hear_later(const Error& error) { return !error.is(ENOENT) && !error.is(EINVAL); }
bool is_away(const Error& error) { return error.is(EAGAIN) || error.is(ETIMEDOUT); }

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

void Announcer::patch(const std::string& path, const std::string& body) { add({News::Kind::kPatch, path, body}); }
void Announcer::post(const std::string& path, const std::string& body) { add({News::Kind::kPost, path, body}); }

void Announcer::add(News news) {
  {
    std::lock_guard lock(mutex_);
    const auto alike = [&](const News& each) {
      return each.kind == news.kind && (each.kind == News::Kind::kPost || each.path == news.path);
    };
    const std::ptrdiff_t most = news.kind == News::Kind::kPost ? kMostPosts : 1;
    if (std::count_if(news_.begin(), news_.end(), alike) >= most)
      news_.erase(std::find_if(news_.begin(), news_.end(), alike));
    news_.push_back(std::move(news));
  }
  changed_.notify_all();
}

// False: the first of them is to be told again, later, and behind the others.
bool Announcer::tell_one(ApiClient& client, std::unique_lock<std::mutex>& lock) {
  News news = std::move(news_.front());
  news_.pop_front();
  lock.unlock();
  const json body = json::parse(news.body, nullptr, false);
  const auto told = news.kind == News::Kind::kPatch ? client.patch(news.path, body) : client.post(news.path, body);
  if (!told) log::debug("{}", told.error().what);
  lock.lock();
  if (told || !may_hear_later(told.error())) return true;
  if (news.kind == News::Kind::kPost) {
    if (!is_away(told.error()) && ++news.refused >= kMostRefusals) return true;
  } else if (std::any_of(news_.begin(), news_.end(),
                         [&](const News& each) { return each.kind == News::Kind::kPatch && each.path == news.path; })) {
    return true;  // it is not the news any more
  }
  news_.push_back(std::move(news));
  return false;
}

void Announcer::work(const ClientPlan& plan) {
  std::optional<ApiClient> client;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !news_.empty(); });
    if (stopping_) return;
    if (!client)
      if (auto made = ApiClient::create(plan)) client = std::move(*made);
    if (!client || !tell_one(*client, lock)) changed_.wait_for(lock, kAgain, [this] { return stopping_; });
  }
}

}  // namespace sublet::launcher
