// SPDX-License-Identifier: Apache-2.0
#include "netns/frame.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace sublet::netns {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4 = 20;
constexpr std::size_t kIpv6 = 40;
constexpr std::size_t kTcp = 20;
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeArp = 0x0806;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::size_t kTcpChecksum = 16;

std::uint16_t load16(ConstBytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void store16(Bytes bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

// RFC 1071: the sum of 16-bit words in one's complement, in memory order (so byte order does not matter). Four sums of
// 32-bit halves side by side, so that the compiler can use vectors; at most 64 KiB, so that none can overflow.
std::uint16_t ones_sum(ConstBytes bytes) {
  std::uint64_t sums[4] = {0, 0, 0, 0};
  const std::uint8_t* data = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; left -= 16, data += 16) {
    std::uint32_t words[4];
    std::memcpy(words, data, sizeof words);
    for (std::size_t i = 0; i < 4; ++i) sums[i] += words[i];
  }
  for (; left >= 2; left -= 2, data += 2) {
    std::uint16_t word;
    std::memcpy(&word, data, sizeof word);
    sums[0] += word;
  }
  if (left != 0) {
    std::uint16_t word = 0;
    std::memcpy(&word, data, 1);
    sums[0] += word;
  }
  std::uint64_t sum = sums[0] + sums[1] + sums[2] + sums[3];
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t ones_add(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = a + b;
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

struct Tcp {
  bool v6;
  std::size_t start;    // of its header
  std::size_t payload;  // where that begins
  std::size_t end;      // of the IP packet
};

// Where TCP is in the frame, if it is all there.
std::optional<Tcp> find_tcp(ConstBytes frame) {
  if (frame.size() < kEthernet + kIpv4 + kTcp) return std::nullopt;
  Tcp tcp{};
  std::uint16_t type = load16(frame, 12);
  if (type == kTypeIpv4) {
    std::size_t header = static_cast<std::size_t>(frame[kEthernet] & 0xf) * 4;
    bool fragment = (load16(frame, kEthernet + 6) & 0x3fff) != 0;
    if (header < kIpv4 || fragment || frame[kEthernet + 9] != IPPROTO_TCP) return std::nullopt;
    tcp.start = kEthernet + header;
    tcp.end = kEthernet + load16(frame, kEthernet + 2);
  } else if (type == kTypeIpv6 && frame.size() >= kEthernet + kIpv6 + kTcp) {
    if (frame[kEthernet + 6] != IPPROTO_TCP) return std::nullopt;
    tcp.v6 = true;
    tcp.start = kEthernet + kIpv6;
    tcp.end = tcp.start + load16(frame, kEthernet + 4);
  } else {
    return std::nullopt;
  }
  if (tcp.end > frame.size() || tcp.end < tcp.start + kTcp) return std::nullopt;
  tcp.payload = tcp.start + static_cast<std::size_t>(frame[tcp.start + 12] >> 4) * 4;
  if (tcp.payload < tcp.start + kTcp || tcp.payload > tcp.end) return std::nullopt;
  return tcp;
}

bool may_enter_v4(ConstBytes frame, std::span<const std::uint8_t, 4> gateway) {
  if (frame.size() < kEthernet + kIpv4) return false;
  ConstBytes to = frame.subspan(kEthernet + 16, 4);
  if (to[0] == 0 || to[0] == 127) return false;
  if (to[0] >= 224 && to[0] < 240) return false;
  if (std::all_of(to.begin(), to.end(), [](std::uint8_t byte) { return byte == 0xff; })) return false;
  bool to_gateway = std::equal(to.begin(), to.end(), gateway.begin());
  return !(to_gateway && frame[kEthernet + 9] == IPPROTO_UDP);
}

bool may_enter_v6(ConstBytes frame) {
  constexpr std::uint8_t kEchoRequest = 128, kNeighbourSolicitation = 135, kNeighbourAdvertisement = 136;
  if (frame.size() < kEthernet + kIpv6) return false;
  ConstBytes to = frame.subspan(kEthernet + 24, 16);
  bool first_ten_zero = std::all_of(to.begin(), to.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  if (first_ten_zero && ((to[10] == 0 && to[11] == 0) || (to[10] == 0xff && to[11] == 0xff))) return false;
  bool multicast = to[0] == 0xff;
  bool link_local = to[0] == 0xfe && (to[1] & 0xc0) == 0x80;
  if (frame[kEthernet + 6] != IPPROTO_ICMPV6) return !multicast && !link_local;
  if (frame.size() <= kEthernet + kIpv6) return false;
  switch (frame[kEthernet + kIpv6]) {
    case kNeighbourSolicitation:
    case kNeighbourAdvertisement: return true;
    // libslirp answers for itself only, and writes a line to standard error for any other. Unique local and link-local
    // addresses are where it can be.
    case kEchoRequest: return link_local || (to[0] & 0xfe) == 0xfc;
    default: return false;
  }
}

}  // namespace

bool may_enter(ConstBytes frame, bool ipv6, std::span<const std::uint8_t, 4> gateway) {
  if (frame.size() < kEthernet) return false;
  switch (load16(frame, 12)) {
    case kTypeArp: return true;
    case kTypeIpv4: return may_enter_v4(frame, gateway);
    case kTypeIpv6: return ipv6 && may_enter_v6(frame);
    default: return false;
  }
}

bool goes_to(ConstBytes frame, std::span<const Cidr> networks) {
  if (networks.empty() || frame.size() < kEthernet + kIpv4) return false;
  const std::uint16_t type = load16(frame, kEthernet - 2);
  constexpr std::size_t kDestinationV4 = 16;
  constexpr std::size_t kDestinationV6 = 24;
  IpAddress to;
  to.v6 = type == kTypeIpv6;
  if ((!to.v6 && type != kTypeIpv4) || (to.v6 && frame.size() < kEthernet + kIpv6)) return false;
  const ConstBytes from = frame.subspan(kEthernet + (to.v6 ? kDestinationV6 : kDestinationV4), to.bits() / 8);
  std::copy(from.begin(), from.end(), to.bytes.begin());
  return std::any_of(networks.begin(), networks.end(), [&](const Cidr& each) { return contains(each, to); });
}

bool complete_checksum(Bytes frame, std::size_t start, std::size_t offset) {
  if (start > frame.size() || frame.size() - start < offset + 2) return false;
  // The field holds the pseudo-header's sum already.
  auto sum = static_cast<std::uint16_t>(~ones_sum(frame.subspan(start)));
  if (sum == 0) sum = 0xffff;  // the same number; but 0 in UDP means "none"
  std::memcpy(&frame[start + offset], &sum, sizeof sum);
  return true;
}

std::optional<std::uint16_t> raise_mss(Bytes frame, std::uint16_t least, std::uint16_t mss) {
  constexpr std::uint8_t kSyn = 2, kEndOfOptions = 0, kNoOption = 1, kMss = 2;
  auto tcp = find_tcp(frame);
  if (!tcp || (frame[tcp->start + 13] & kSyn) == 0) return std::nullopt;
  for (std::size_t at = tcp->start + kTcp; at < tcp->payload && frame[at] != kEndOfOptions;) {
    if (frame[at] == kNoOption) {
      ++at;
      continue;
    }
    if (at + 1 >= tcp->payload) break;
    std::size_t length = frame[at + 1];
    if (length < 2 || at + length > tcp->payload) break;
    if (frame[at] == kMss && length == 4) {
      std::uint16_t old = load16(frame, at + 2);
      // An option on an odd offset would need its bytes swapped in the sum: nobody sends one, so it is left alone.
      if (old < least || old >= mss || (at - tcp->start) % 2 != 0) return std::nullopt;
      store16(frame, at + 2, mss);
      // RFC 1624: HC' = ~(~HC + ~m + m').
      std::size_t field = tcp->start + kTcpChecksum;
      std::uint16_t sum = ones_add(static_cast<std::uint16_t>(~load16(frame, field)), static_cast<std::uint16_t>(~old));
      store16(frame, field, static_cast<std::uint16_t>(~ones_add(sum, mss)));
      return old;
    }
    at += length;
  }
  return std::nullopt;
}

std::optional<Offload> offload(ConstBytes frame, std::uint16_t mss) {
  auto tcp = find_tcp(frame);
  if (!tcp) return std::nullopt;
  Offload result;
  result.checksum_offset = tcp->start + kTcpChecksum;
  // Pseudo-header: both addresses, the protocol and the length of TCP.
  std::size_t addresses = tcp->v6 ? 32 : 8;
  std::uint16_t sum = ones_sum(frame.subspan(tcp->v6 ? kEthernet + 8 : kEthernet + 12, addresses));
  sum = ones_add(sum, htons(IPPROTO_TCP));
  result.checksum = ones_add(sum, htons(static_cast<std::uint16_t>(tcp->end - tcp->start)));
  result.header.flags = VnetHeader::kNeedsChecksum;
  result.header.checksum_start = static_cast<std::uint16_t>(tcp->start);
  result.header.checksum_offset = kTcpChecksum;
  if (mss != 0 && tcp->end - tcp->payload > mss) {
    result.header.gso_type = tcp->v6 ? VnetHeader::kTcpV6 : VnetHeader::kTcpV4;
    result.header.segment_bytes = mss;
    result.header.header_bytes = static_cast<std::uint16_t>(tcp->payload);
  }
  return result;
}

}  // namespace sublet::netns
