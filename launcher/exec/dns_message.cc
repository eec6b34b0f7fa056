// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/dns_message.h"

#include <algorithm>
#include <array>

namespace sublet::launcher {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 255;  // wire format, with the root's byte
constexpr unsigned kOptType = 41;
constexpr unsigned kSoaType = 6;
constexpr std::size_t kLargestAnswer = 4096;
// Header, second word.
constexpr unsigned kResponse = 0x8000;
constexpr unsigned kOpcodeMask = 0x7800;
constexpr unsigned kTruncated = 0x0200;
constexpr unsigned kRecursionDesired = 0x0100;
constexpr unsigned kRecursionAvailable = 0x0080;
constexpr unsigned kCodeMask = 0xf;

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }
std::uint16_t get16(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(text, at) << 8U | byte_at(text, at + 1));
}
void put16(std::string& to, unsigned value) {
  to += static_cast<char>(value >> 8U & 0xffU);
  to += static_cast<char>(value & 0xffU);
}
void put32(std::string& to, std::uint32_t value) {
  put16(to, value >> 16U);
  put16(to, value & 0xffffU);
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Reads one message from front to back.
class Reader {
 public:
  Reader(std::string_view message, std::size_t at) : message_(message), at_(at) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t at() const { return at_; }

  std::uint16_t word() {
    if (!has(2)) return 0;
    at_ += 2;
    return get16(message_, at_ - 2);
  }
  std::uint32_t double_word() {
    const std::uint32_t high = word();
    return high << 16U | word();
  }
  std::string_view bytes(std::size_t count) {
    if (!has(count)) return {};
    at_ += count;
    return message_.substr(at_ - count, count);
  }
  // A name, written out. A pointer leads to an earlier place each time, so there is no circle (RFC 1035 §4.1.4).
  std::string name() {
    std::string out;
    std::size_t at = at_;
    std::size_t bound = at_;
    bool jumped = false;
    for (;;) {
      if (at >= message_.size()) return fail();
      const std::uint8_t length = byte_at(message_, at);
      if (length > kLongestLabel) {
        if (length < 0xc0U || at + 1 >= message_.size()) return fail();
        const std::size_t target = get16(message_, at) & 0x3fffU;
        if (!jumped) at_ = at + 2;
        jumped = true;
        if (target >= bound) return fail();
        at = bound = target;
        continue;
      }
      if (at + 1 + length > message_.size() || out.size() + 1 + length > kLongestName) return fail();
      out.append(message_, at, std::size_t{1} + length);
      at += std::size_t{1} + length;
      if (length != 0) continue;
      if (!jumped) at_ = at;
      return out;
    }
  }

 private:
  bool has(std::size_t count) {
    ok_ = ok_ && count <= message_.size() - at_;
    return ok_;
  }
  std::string fail() {
    ok_ = false;
    return {};
  }
  std::string_view message_;
  std::size_t at_;
  bool ok_ = true;
};

// Empty if a label has a byte that would be read as something else in text.
std::string text_of(std::string_view wire) {
  std::string text;
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0; at += std::size_t{1} + byte_at(wire, at)) {
    const std::string_view label = wire.substr(at + 1, byte_at(wire, at));
    if (!text.empty()) text += '.';
    for (const char c : label) {
      if (c == '.' || c <= ' ' || c == 0x7f) return {};
      text += lower(c);
    }
  }
  return text;
}

// Where names stand in a record's data: bytes before the first, and how many follow one another. None of other types is
// compressed (RFC 3597 §4).
struct NamesIn {
  std::uint16_t type;
  std::size_t before;
  unsigned count;
};
constexpr std::array<NamesIn, 7> kNamesIn{{
    {2, 0, 1},   // NS
    {5, 0, 1},   // CNAME
    {6, 0, 2},   // SOA
    {12, 0, 1},  // PTR
    {15, 2, 1},  // MX
    {33, 6, 1},  // SRV
    {39, 0, 1},  // DNAME
}};

std::optional<DnsRecord> read_record(std::string_view message, Reader& reader) {
  DnsRecord record;
  record.owner = reader.name();
  record.type = reader.word();
  record.dns_class = reader.word();
  record.ttl = reader.double_word();
  const std::size_t length = reader.word();
  const std::size_t begin = reader.at();
  const std::string_view data = reader.bytes(length);
  if (!reader.ok()) return std::nullopt;
  const auto* names = std::find_if(kNamesIn.begin(), kNamesIn.end(), [&](auto& n) { return n.type == record.type; });
  if (names == kNamesIn.end()) {
    record.data = data;
    return record;
  }
  Reader inside(message.substr(0, begin + length), begin);
  record.data = inside.bytes(names->before);
  for (unsigned i = 0; i < names->count; ++i) record.data += inside.name();
  if (!inside.ok()) return std::nullopt;
  record.data += message.substr(inside.at(), begin + length - inside.at());
  return record;
}

bool read_records(std::string_view message, Reader& reader, unsigned count, std::vector<DnsRecord>& to) {
  for (unsigned i = 0; i < count; ++i) {
    auto record = read_record(message, reader);
    if (!record) return false;
    to.push_back(std::move(*record));
  }
  return true;
}

// Where a record's time to live stands, and what else tells how long it is good.
struct Lifetime {
  std::size_t at;
  std::uint32_t ttl;
  bool in_answer;
  std::optional<std::uint32_t> without;  // of an SOA: how long it is good that there is nothing
};

// Of all records of the message. Nothing: it is none that can be read to its end.
std::optional<std::vector<Lifetime>> lifetimes(std::string_view message) {
  if (message.size() < kDnsHeader) return std::nullopt;
  Reader reader(message, kDnsHeader);
  for (unsigned i = get16(message, 4); i > 0 && reader.ok(); --i) {
    (void)reader.name();
    (void)reader.double_word();
  }
  const unsigned answers = get16(message, 6);
  const unsigned all = answers + get16(message, 8) + get16(message, 10);
  std::vector<Lifetime> found;
  for (unsigned i = 0; i < all && reader.ok(); ++i) {
    (void)reader.name();
    const std::uint16_t type = reader.word();
    (void)reader.word();
    Lifetime life{reader.at(), reader.double_word(), i < answers, std::nullopt};
    const std::string_view data = reader.bytes(reader.word());
    if (!reader.ok()) return std::nullopt;
    if (type == kOptType) {
      // Here the four bytes are others, the first of them the upper part of a code (RFC 6891 §6.1.3): a failure.
      if (life.ttl >> 24U != 0) return std::nullopt;
      continue;
    }
    // The top bit has no meaning but zero (RFC 2181 §8).
    if (life.ttl > 0x7fffffffU) life.ttl = 0;
    constexpr std::size_t kLeastSoa = 22;  // two names and five numbers
    if (type == kSoaType && data.size() >= kLeastSoa)
      life.without = std::min(life.ttl, Reader(data, data.size() - sizeof(std::uint32_t)).double_word());
    found.push_back(life);
  }
  if (!reader.ok()) return std::nullopt;
  return found;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void put_header(std::string& to, std::uint16_t id, unsigned flags, std::size_t answers, std::size_t authority,
                bool edns) {
  put16(to, id);
  put16(to, flags);
  put16(to, 1);
  put16(to, static_cast<unsigned>(answers));
  put16(to, static_cast<unsigned>(authority));
  put16(to, edns ? 1 : 0);
}

// A pseudo-record that tells how long an answer may be (RFC 6891 §6.1.2).
void put_opt(std::string& to) {
  to += '\0';
  put16(to, kOptType);
  put16(to, kLargestAnswer);
  put32(to, 0);
  put16(to, 0);
}

void put_record(std::string& to, const DnsRecord& record, std::string_view asked) {
  constexpr unsigned kPointerToQuestion = 0xc000U | kDnsHeader;
  if (same_name(record.owner, asked))
    put16(to, kPointerToQuestion);
  else
    to += record.owner;
  put16(to, record.type);
  put16(to, record.dns_class);
  put32(to, record.ttl);
  put16(to, static_cast<unsigned>(record.data.size()));
  to += record.data;
}

unsigned answer_flags(const DnsQuestion& question, DnsCode code) {
  return kResponse | kRecursionAvailable | (question.recursion_desired ? kRecursionDesired : 0U) |
         static_cast<unsigned>(code);
}

}  // namespace

std::optional<DnsQuestion> parse_question(std::string_view message) {
  if (message.size() < kDnsHeader) return std::nullopt;
  const unsigned flags = get16(message, 2);
  if ((flags & (kResponse | kOpcodeMask)) != 0 || get16(message, 4) != 1 || get16(message, 6) != 0 ||
      get16(message, 8) != 0)
    return std::nullopt;
  DnsQuestion question;
  question.id = get16(message, 0);
  question.recursion_desired = (flags & kRecursionDesired) != 0;
  Reader reader(message, kDnsHeader);
  const std::string name = reader.name();
  question.type = reader.word();
  question.dns_class = reader.word();
  // There is nothing in front of a question that a pointer could lead to.
  if (!reader.ok() || reader.at() - kDnsHeader != name.size() + 4) return std::nullopt;
  question.raw = message.substr(kDnsHeader, reader.at() - kDnsHeader);
  question.name = text_of(name);
  std::vector<DnsRecord> additional;
  if (!read_records(message, reader, get16(message, 10), additional)) return std::nullopt;
  for (const DnsRecord& record : additional) {
    if (record.type != kOptType) continue;
    question.edns = true;
    question.answer_limit = std::clamp<std::size_t>(record.dns_class, kPlainUdpAnswer, kLargestAnswer);
  }
  return question;
}

std::optional<DnsAnswer> parse_answer(std::string_view message) {
  if (message.size() < kDnsHeader) return std::nullopt;
  DnsAnswer answer;
  answer.id = get16(message, 0);
  answer.flags = get16(message, 2);
  if ((answer.flags & kResponse) == 0) return std::nullopt;
  const unsigned code = answer.flags & kCodeMask;
  answer.code = code <= static_cast<unsigned>(DnsCode::kNoName) ? static_cast<DnsCode>(code) : DnsCode::kFailure;
  Reader reader(message, kDnsHeader);
  for (unsigned i = get16(message, 4); i > 0 && reader.ok(); --i) {
    (void)reader.name();
    (void)reader.double_word();
  }
  if (!reader.ok() || !read_records(message, reader, get16(message, 6), answer.answers) ||
      !read_records(message, reader, get16(message, 8), answer.authority))
    return std::nullopt;
  return answer;
}

bool answers_question(std::string_view message, std::uint16_t id, std::string_view raw_question) {
  if (message.size() < kDnsHeader || get16(message, 0) != id || (get16(message, 2) & kResponse) == 0) return false;
  // Some servers leave the question out where they refuse it.
  if (get16(message, 4) == 0) return true;
  return same_name(message.substr(kDnsHeader, raw_question.size()), raw_question);
}

std::uint32_t good_for(std::string_view message) {
  const auto records = lifetimes(message);
  if (!records) return 0;
  const unsigned flags = get16(message, 2);
  const unsigned code = flags & kCodeMask;
  const bool no_name = code == static_cast<unsigned>(DnsCode::kNoName);
  if ((flags & kTruncated) != 0 || (code != static_cast<unsigned>(DnsCode::kOk) && !no_name)) return 0;
  bool known = false;
  std::uint32_t least = ~0U;
  for (const Lifetime& life : *records) {
    known = known || (life.in_answer && !no_name) || life.without;
    least = std::min(least, life.without.value_or(life.ttl));
  }
  return known ? least : 0;
}

std::string aged(std::string_view message, std::uint32_t seconds) {
  std::string older(message);
  for (const Lifetime& life : lifetimes(message).value_or(std::vector<Lifetime>())) {
    std::string ttl;
    put32(ttl, life.ttl - std::min(life.ttl, seconds));
    older.replace(life.at, ttl.size(), ttl);
  }
  return older;
}

std::string with_id(std::string_view message, std::uint16_t id) {
  std::string with;
  put16(with, id);
  with += message.substr(std::min(message.size(), with.size()));
  return with;
}

std::optional<std::string> wire_name(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > kLongestLabel) return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  wire += '\0';
  if (wire.size() > kLongestName) return std::nullopt;
  return wire;
}

std::optional<std::string> make_query(std::uint16_t id, std::string_view name, std::uint16_t type,
                                      std::uint16_t dns_class) {
  const auto wire = wire_name(name);
  if (!wire) return std::nullopt;
  std::string message;
  put_header(message, id, kRecursionDesired, 0, 0, true);
  message += *wire;
  put16(message, type);
  put16(message, dns_class);
  put_opt(message);
  return message;
}

namespace {

std::string with_records(const DnsQuestion& question, const DnsAnswer& from, std::string_view asked, unsigned flags) {
  std::string message;
  put_header(message, question.id, answer_flags(question, from.code) | flags, from.answers.size(),
             from.authority.size(), question.edns);
  message += question.raw;
  for (const DnsRecord& record : from.answers) put_record(message, record, asked);
  for (const DnsRecord& record : from.authority) put_record(message, record, asked);
  if (question.edns) put_opt(message);
  return message;
}

bool is_address(const DnsRecord& record) {
  constexpr std::uint16_t kA = 1;
  constexpr std::uint16_t kAaaa = 28;
  return record.type == kA || record.type == kAaaa;
}

}  // namespace

std::string make_answer(const DnsQuestion& question, const DnsAnswer& from, std::string_view asked) {
  const bool cut = (from.flags & kTruncated) != 0;
  std::string message = with_records(question, from, asked, 0);
  if (message.size() <= question.answer_limit && !cut) return message;
  if (!from.answers.empty() && std::all_of(from.answers.begin(), from.answers.end(), is_address)) {
    DnsAnswer part = from;
    part.authority.clear();
    part.answers.clear();
    message = with_records(question, part, asked, 0);
    for (const DnsRecord& record : from.answers) {
      put_record(message, record, asked);  // for its size
      if (message.size() > question.answer_limit) break;
      part.answers.push_back(record);
    }
    if (!part.answers.empty()) return with_records(question, part, asked, 0);
  }
  DnsAnswer nothing;
  nothing.code = from.code;
  return with_records(question, nothing, asked, kTruncated);
}

std::string make_empty_answer(const DnsQuestion& question, DnsCode code) {
  DnsAnswer nothing;
  nothing.code = code;
  return make_answer(question, nothing, {});
}

}  // namespace sublet::launcher
