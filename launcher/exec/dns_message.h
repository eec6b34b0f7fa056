// SPDX-License-Identifier: Apache-2.0
// DNS messages (RFC 1035, 6891), as far as the resolver of `sublet exec` has to understand them: one question; records
// with their names written out, so that they can be put into another message. Pure; any bytes may come in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sublet::launcher {

inline constexpr std::size_t kDnsHeader = 12;
inline constexpr std::size_t kPlainUdpAnswer = 512;  // what fits without EDNS (RFC 1035 §2.3.4)

enum class DnsCode : std::uint8_t { kOk = 0, kFormat = 1, kFailure = 2, kNoName = 3 };

struct DnsQuestion {
  std::uint16_t id = 0;
  std::string name;  // as text, lower case; empty: the root, or one with labels that no text can have
  std::uint16_t type = 0;
  std::uint16_t dns_class = 1;
  std::string raw;  // the question's bytes: name as it was written, type, class
  bool recursion_desired = true;
  bool edns = false;
  std::size_t answer_limit = kPlainUdpAnswer;
};

struct DnsRecord {
  std::string owner;  // wire format, without compression, as it was written
  std::uint16_t type = 0;
  std::uint16_t dns_class = 1;
  std::uint32_t ttl = 0;
  std::string data;  // names in it written out
};

struct DnsAnswer {
  std::uint16_t id = 0;
  DnsCode code = DnsCode::kOk;
  std::uint16_t flags = 0;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authority;
};

/// Nothing for what is not one plain question.
[[nodiscard]] std::optional<DnsQuestion> parse_question(std::string_view message);
/// Nothing for what is not an answer. Codes beyond those that are named count as kFailure.
[[nodiscard]] std::optional<DnsAnswer> parse_answer(std::string_view message);
/// Whether the message answers this very question: its id and, but for case, its bytes.
[[nodiscard]] bool answers_question(std::string_view message, std::uint16_t id, std::string_view raw_question);

/// For how many seconds an answer may be remembered: as its shortest-lived record says, or, if there is no such name or
/// no such record, as the zone says (RFC 2308 §5). 0: not at all, as for failures and for what does not fit.
[[nodiscard]] std::uint32_t good_for(std::string_view message);
/// The message, `seconds` later: each record lives for so much less.
[[nodiscard]] std::string aged(std::string_view message, std::uint32_t seconds);
/// The message with another id.
[[nodiscard]] std::string with_id(std::string_view message, std::uint16_t id);

/// A name in wire format; nothing if a label or the whole is too long.
[[nodiscard]] std::optional<std::string> wire_name(std::string_view name);

/// The question for `name`, with room for a large answer.
[[nodiscard]] std::optional<std::string> make_query(std::uint16_t id, std::string_view name, std::uint16_t type,
                                                    std::uint16_t dns_class);
/// The answer to `question` made of another's: records of `asked` (the name that was asked for in its stead, wire
/// format) are the question's own. Of addresses, as many as fit: who is told that there are more (TC) asks by TCP, the
/// host's server, which knows none of them. If other records do not fit, it says so and has none.
[[nodiscard]] std::string make_answer(const DnsQuestion& question, const DnsAnswer& from, std::string_view asked);
/// An answer without records.
[[nodiscard]] std::string make_empty_answer(const DnsQuestion& question, DnsCode code);

}  // namespace sublet::launcher
