// SPDX-License-Identifier: Apache-2.0
// What the cluster's name server would say of a name, where the list of all Services tells it for certain: that there
// is no such Service, or its one address. Of anything else that server is asked. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/exec/dns_message.h"
#include "launcher/services/service_names.h"

namespace sublet::launcher {

/// `name`: full, lower case, without a dot at the end; `domain`: of the cluster's names. Nothing: it is to be asked.
[[nodiscard]] std::optional<DnsAnswer> known_answer(const ServiceNames& services, std::string_view name,
                                                    const std::string& domain, std::uint16_t type,
                                                    std::uint16_t dns_class);

}  // namespace sublet::launcher
