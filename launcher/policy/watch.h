// SPDX-License-Identifier: Apache-2.0
// Keeps a PolicyStore as the API server has it (launcher/api/watch.h).
#pragma once

#include "launcher/api/watch.h"
#include "launcher/policy/store.h"

namespace sublet::launcher {

/// follow_once() of one kind in the store.
Result<void> follow_once(ApiClient& client, PolicyKind kind, PolicyStore& store);

/// For ever, on the calling thread.
void follow(const ClientPlan& plan, PolicyKind kind, PolicyStore& store);

}  // namespace sublet::launcher
