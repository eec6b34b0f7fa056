// SPDX-License-Identifier: Apache-2.0
// Clients on demand: whoever connects here says in one line whom to connect to, and is told how that went. So a program
// in a pod can have itself called from outside.
#pragma once

#include <cstdint>

namespace sublet::test {

/// Serves for ever. A line is "ADDRESS PORT COUNT THREADS MODE"; the answer "ok N bad N" and the first thing that went
/// wrong. MODE: echo (a word there and back), half (the same, but the client ends its side first), hold (waits a second
/// before it says the word), banner (hears a word first), gone (is told that nobody is there: refused, reset, or
/// ended).
[[nodiscard]] int serve_dials(const char* address, std::uint16_t port);

}  // namespace sublet::test
