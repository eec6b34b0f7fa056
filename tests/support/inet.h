// SPDX-License-Identifier: Apache-2.0
// Sockets for tests that run inside of network namespaces: blocking, with deadlines, errors as values.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::test {

inline constexpr int kSocketMs = 5000;

/// SOCK_STREAM: listens; SOCK_DGRAM: bound. Port 0 of the kernel's choice is not meant: tests have namespaces of their
/// own.
[[nodiscard]] Result<UniqueFd> serve(int type, const std::string& address, std::uint16_t port);
/// Connected, or an error with the errno: ETIMEDOUT after `timeout_ms`.
[[nodiscard]] Result<UniqueFd> dial(int type, const std::string& address, std::uint16_t port,
                                    int timeout_ms = kSocketMs);
/// One connection, within `timeout_ms`.
[[nodiscard]] Result<UniqueFd> accept_one(int listener, int timeout_ms = kSocketMs);
Result<void> send_text(int socket, const std::string& text);
/// Until the peer closes (or one datagram); at most `timeout_ms` for each read.
[[nodiscard]] Result<std::string> receive_all(int socket, int timeout_ms = kSocketMs);
/// One read of at most 64 KiB.
[[nodiscard]] Result<std::string> receive_some(int socket, int timeout_ms = kSocketMs);
/// Sends a frame as it is out of the link (AF_PACKET): what a guest's root can do.
Result<void> send_frame(const std::string& link, const std::string& frame);
/// Deterministic bytes that no shift or repetition maps to themselves.
[[nodiscard]] std::string noise(std::size_t size);

}  // namespace sublet::test
