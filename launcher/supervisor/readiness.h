// SPDX-License-Identifier: Apache-2.0
// One look at whether a service answers.
#pragma once

#include "launcher/supervisor/service.h"

namespace sublet::launcher {

/// Tries once, without blocking for longer than a connect on this machine takes. kTold is looked at as kTcp if it has a
/// port.
[[nodiscard]] bool answers(const Readiness& readiness);

}  // namespace sublet::launcher
