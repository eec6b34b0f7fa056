// SPDX-License-Identifier: Apache-2.0
#include "bypass/tools.h"

namespace sublet::bypass {

void CurrentPolicy::replace(PolicyFacts facts) {
  std::lock_guard lock(mutex_);
  facts_ = std::make_shared<const PolicyFacts>(std::move(facts));
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const PolicyFacts> CurrentPolicy::get() const {
  std::lock_guard lock(mutex_);
  return facts_;
}

}  // namespace sublet::bypass
