// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/followers.h"

#include <sys/socket.h>

#include "base/sys.h"
#include "launcher/api/watch.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMostKept = 64;

}  // namespace

Followers::Followers(const ClientPlan& plan, ServiceStore& store, bool policies) {
  std::vector<ServiceKind> kinds = {ServiceKind::kServices, ServiceKind::kSlices, ServiceKind::kPods};
  if (policies) kinds.push_back(ServiceKind::kPolicies);
  ClientPlan own = plan;
  own.socket = [this, from = plan.socket]() -> Result<UniqueFd> {
    UniqueFd socket = TRY(from());
    UniqueFd copy = TRY(sys::dup(socket.get()));
    std::lock_guard lock(mutex_);
    if (stopping_) return fail("ending");
    if (sockets_.size() >= kMostKept) sockets_.erase(sockets_.begin(), sockets_.end() - kMostKept / 2);
    sockets_.push_back(std::move(copy));
    return socket;
  };
  for (const ServiceKind kind : kinds)
    threads_.emplace_back(
        [this, own, &store, kind] { follow(own, store.watched(kind), [this] { return stopping_.load(); }); });
}

Followers::~Followers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const UniqueFd& socket : sockets_) (void)::shutdown(socket.get(), SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace sublet::launcher
