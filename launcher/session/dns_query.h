// SPDX-License-Identifier: Apache-2.0
// One question to a name server, over TCP (RFC 1035, RFC 7766): enough to know that the cluster's DNS answers.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sublet::launcher {

/// The message for "what is the A record of `name`", with the two-byte length in front.
[[nodiscard]] std::string dns_question(std::string_view name, std::uint16_t id);

/// Whether `message` (without the length) answers the question of that id with at least one record. An error says what
/// it says instead; its code is ENOENT if that is that there is no such name or record.
Result<void> check_dns_answer(std::string_view message, std::uint16_t id);

/// Asks on a connected socket, waiting at most `timeout_ms` for the answer.
Result<void> ask_dns(int socket, std::string_view name, int timeout_ms);

}  // namespace sublet::launcher
