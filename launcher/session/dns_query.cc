// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/dns_query.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/strings.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeader = 12;

void put16(std::string& to, unsigned value) {
  to += static_cast<char>(value >> 8 & 0xff);
  to += static_cast<char>(value & 0xff);
}

unsigned get16(std::string_view from, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(from[at]) << 8 | static_cast<unsigned char>(from[at + 1]));
}

// Exactly `count` bytes, or an error at the deadline.
Result<std::string> read_exactly(int socket, std::size_t count, Clock::time_point deadline) {
  std::string data;
  std::array<std::byte, 4096> buffer;
  while (data.size() < count) {
    pollfd watched{socket, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) != 1) return fail("no answer in time");
    std::size_t got = TRY(sys::read(socket, std::span(buffer).first(std::min(buffer.size(), count - data.size()))));
    if (got == 0) return fail("the connection was closed");
    data.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  return data;
}

}  // namespace

std::string dns_question(std::string_view name, std::uint16_t id) {
  std::string message;
  put16(message, id);
  put16(message, 0x0100);  // recursion desired
  put16(message, 1);       // one question
  message.append(6, '\0');
  for (const std::string& label : split(name, '.')) {
    if (label.empty()) continue;
    message += static_cast<char>(label.size());
    message += label;
  }
  message += '\0';
  put16(message, 1);  // A
  put16(message, 1);  // IN
  std::string framed;
  put16(framed, static_cast<unsigned>(message.size()));
  return framed + message;
}

Result<void> check_dns_answer(std::string_view message, std::uint16_t id) {
  if (message.size() < kHeader) return fail("the answer is too short to be one");
  if (get16(message, 0) != id) return fail("the answer is to another question");
  constexpr unsigned kIsResponse = 0x8000;
  if ((get16(message, 2) & kIsResponse) == 0) return fail("the answer is a question");
  constexpr unsigned kNoSuchName = 3;
  Error unknown{"no such record", "", std::make_error_code(std::errc::no_such_file_or_directory)};
  if (unsigned code = get16(message, 2) & 0xf; code != 0) {
    unknown.what = "response code " + std::to_string(code);
    return code == kNoSuchName ? tl::unexpected(std::move(unknown)) : fail(std::move(unknown.what));
  }
  if (get16(message, 6) == 0) return tl::unexpected(std::move(unknown));
  return {};
}

Result<void> ask_dns(int socket, std::string_view name, int timeout_ms) {
  constexpr std::uint16_t kId = 0x5b1e;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  TRY(sys::write_all(socket, dns_question(name, kId)));
  std::string length = TRY(read_exactly(socket, 2, deadline));
  return check_dns_answer(TRY(read_exactly(socket, get16(length, 0), deadline)), kId);
}

}  // namespace sublet::launcher
