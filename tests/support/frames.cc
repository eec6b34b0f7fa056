// SPDX-License-Identifier: Apache-2.0
#include "tests/support/frames.h"

#include <arpa/inet.h>

#include <cstring>
#include <stdexcept>

namespace sublet::test {
namespace {

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

void put16(Frame& frame, unsigned value) {
  frame.push_back(static_cast<std::uint8_t>(value >> 8));
  frame.push_back(static_cast<std::uint8_t>(value));
}

void set16(Frame& frame, std::size_t at, unsigned value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}

void put_address(Frame& frame, const std::string& text) {
  std::uint8_t bytes[16];
  int family = is_v6(text) ? AF_INET6 : AF_INET;
  if (::inet_pton(family, text.c_str(), bytes) != 1) throw std::invalid_argument(text);
  frame.insert(frame.end(), bytes, bytes + (family == AF_INET6 ? 16 : 4));
}

// RFC 1071, byte by byte.
unsigned sum(const Frame& frame, std::size_t from, std::size_t to, unsigned start = 0) {
  unsigned long long total = start;
  for (std::size_t i = from; i < to; ++i) total += (i - from) % 2 == 0 ? frame[i] << 8U : frame[i];
  while ((total >> 16) != 0) total = (total & 0xffff) + (total >> 16);
  return static_cast<unsigned>(total);
}

std::size_t transport(const Frame& frame) { return frame[12] == 0x86 ? 54 : 34; }

unsigned pseudo_sum(const Frame& frame, unsigned protocol) {
  std::size_t start = transport(frame);
  unsigned addresses = start == 54 ? sum(frame, 22, 54) : sum(frame, 26, 34);
  return sum({}, 0, 0, addresses + protocol + static_cast<unsigned>(frame.size() - start));
}

Frame ip_frame(const std::string& from, const std::string& to, unsigned protocol, const Frame& payload) {
  Frame frame{0x52, 0x55, 10, 0, 2, 2, 2, 0, 0, 0, 0, 1};
  if (is_v6(to)) {
    put16(frame, 0x86dd);
    for (unsigned word : {0x6000U, 0U, static_cast<unsigned>(payload.size()), protocol << 8 | 255U}) put16(frame, word);
  } else {
    put16(frame, 0x0800);
    for (unsigned word : {0x4500U, static_cast<unsigned>(payload.size() + 20), 7U, 0x4000U, 64U << 8 | protocol, 0U})
      put16(frame, word);
  }
  put_address(frame, from);
  put_address(frame, to);
  if (!is_v6(to)) set16(frame, 24, ~sum(frame, 14, 34));
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

void set_checksum(Frame& frame, unsigned protocol, std::size_t field) {
  std::size_t start = transport(frame);
  set16(frame, start + field, 0);
  set16(frame, start + field, ~sum(frame, start, frame.size(), pseudo_sum(frame, protocol)));
}

}  // namespace

Frame tcp_frame(const TcpFrame& what) {
  Frame tcp;
  put16(tcp, what.from_port);
  put16(tcp, what.to_port);
  for (unsigned word : {0U, 1U, 0U, 1U}) put16(tcp, word);  // sequence and acknowledgement numbers
  tcp.push_back(what.mss != 0 ? 6 << 4 : 5 << 4);
  tcp.push_back(what.flags);
  for (unsigned word : {65535U, 0U, 0U}) put16(tcp, word);
  if (what.mss != 0) {
    put16(tcp, 0x0204);
    put16(tcp, what.mss);
  }
  tcp.insert(tcp.end(), what.payload.begin(), what.payload.end());
  Frame frame = ip_frame(what.from, what.to, 6, tcp);
  set_checksum(frame, 6, 16);
  return frame;
}

Frame udp_frame(const std::string& from, const std::string& to, std::uint16_t from_port, std::uint16_t to_port,
                const std::string& payload) {
  Frame udp;
  for (unsigned word : {unsigned{from_port}, unsigned{to_port}, static_cast<unsigned>(payload.size() + 8), 0U})
    put16(udp, word);
  udp.insert(udp.end(), payload.begin(), payload.end());
  Frame frame = ip_frame(from, to, 17, udp);
  set_checksum(frame, 17, 6);
  return frame;
}

Frame icmpv6_frame(const std::string& from, const std::string& to, std::uint8_t type) {
  Frame icmp(24, 0);
  icmp[0] = type;
  Frame frame = ip_frame(from, to, 58, icmp);
  set_checksum(frame, 58, 2);
  return frame;
}

bool tcp_checksum_is_right(const Frame& frame) {
  return sum(frame, transport(frame), frame.size(), pseudo_sum(frame, 6)) == 0xffff;
}

void store_pseudo_sum(Frame& frame) { set16(frame, transport(frame) + 16, pseudo_sum(frame, 6)); }

}  // namespace sublet::test
