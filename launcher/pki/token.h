// SPDX-License-Identifier: Apache-2.0
// Random secrets, from the kernel by OpenSSL's generator.
#pragma once

#include <string>

#include "base/result.h"

namespace sublet::launcher {

/// `length` characters of [a-z0-9], each drawn evenly (5.17 bits): 25 of them make 129 bits.
[[nodiscard]] Result<std::string> random_token(std::size_t length);

/// A bootstrap token "ID.SECRET" for a joining host: [a-z0-9]{6}.[a-z0-9]{16} (Kubernetes, TLS bootstrapping).
[[nodiscard]] Result<std::string> bootstrap_token();

}  // namespace sublet::launcher
