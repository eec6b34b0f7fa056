// SPDX-License-Identifier: Apache-2.0
// Keeps a PolicyStore as the API server has it: list, then watch from there, and anew whenever that ends. Knows of
// nothing but the API's rules:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include "launcher/api/client.h"
#include "launcher/policy/store.h"

namespace sublet::launcher {

/// A list, where the store does not know where a watch would go on, and then a watch until it ends: a success if the
/// server ended it in its time. What the server does not know any more (410) is listed next time.
Result<void> follow_once(ApiClient& client, PolicyKind kind, PolicyStore& store);

/// For ever, on the calling thread. A server that is away, or not there yet, is asked again soon.
[[noreturn]] void follow(ClientPlan plan, PolicyKind kind, PolicyStore& store);

}  // namespace sublet::launcher
