// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/answer_cache.h"

#include "launcher/exec/dns_message.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMostKept = 1024;
constexpr std::size_t kLargestKept = 4096;

}  // namespace

void AnswerCache::keep(const std::string& key, std::string_view message, Clock::time_point now) {
  // Less than a second is none at all, as a time to live has whole seconds.
  if (message.size() > kLargestKept || std::chrono::seconds(good_for(message)) < kLongest) return;
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_[key] = {aged(message, static_cast<std::uint32_t>(kLongest.count())), now + kLongest};
}

const std::string* AnswerCache::find(const std::string& key, Clock::time_point now) const {
  const auto found = kept_.find(key);
  return found != kept_.end() && now < found->second.until ? &found->second.message : nullptr;
}

}  // namespace sublet::launcher
