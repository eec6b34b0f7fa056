// SPDX-License-Identifier: Apache-2.0
#include "bypass/choice.h"

#include <algorithm>

namespace sublet::bypass {
namespace {

// Clients that are remembered, of one port. Whoever is forgotten is sent anywhere, once.
constexpr std::size_t kMostClients = 10'000;

bool has(const std::vector<PortEndpoint>& list, const PortEndpoint& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

bool may(const Choice::Wish& wish, const PortEndpoint& endpoint) {
  return !wish.stranger || admits_stranger(endpoint, wish.client);
}

}  // namespace

void Choice::replace(std::vector<PortEndpoint> endpoints, std::chrono::seconds affinity) {
  endpoints_ = std::move(endpoints);
  affinity_ = affinity;
  if (affinity_.count() == 0) kept_.clear();
  std::erase_if(kept_, [&](const auto& each) { return !is_there(each.second.endpoint); });
}

bool Choice::is_there(const PortEndpoint& endpoint) const { return has(endpoints_, endpoint); }

bool Choice::has_for(const Wish& wish) const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [&](const PortEndpoint& each) { return may(wish, each); });
}

std::optional<PortEndpoint> Choice::next(const Wish& wish, Time now) {
  const auto fits = [&](const PortEndpoint& each) { return may(wish, each) && !has(wish.not_these, each); };
  const auto kept = kept_.find(wish.client);
  if (kept != kept_.end() && now < kept->second.until && fits(kept->second.endpoint)) return kept->second.endpoint;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const PortEndpoint& each = endpoints_[turn_++ % endpoints_.size()];
    if (fits(each)) return each;
  }
  return std::nullopt;
}

void Choice::keep(const IpAddress& client, const PortEndpoint& endpoint, Time now) {
  if (affinity_.count() == 0 || !is_there(endpoint)) return;
  if (kept_.size() >= kMostClients) forget(now);
  if (kept_.size() >= kMostClients) kept_.erase(kept_.begin());
  kept_[client] = {endpoint, now + affinity_};
}

void Choice::forget(Time now) {
  std::erase_if(kept_, [&](const auto& each) { return each.second.until <= now; });
}

}  // namespace sublet::bypass
