// SPDX-License-Identifier: Apache-2.0
// Ethernet frames for tests, with correct checksums, written without any of the code under test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sublet::test {

using Frame = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kAck = 0x10;

struct TcpFrame {
  std::string from = "10.0.2.100";
  std::string to = "192.0.2.1";
  std::uint16_t from_port = 40000;
  std::uint16_t to_port = 9999;
  std::uint8_t flags = kAck;
  std::uint16_t mss = 0;  // 0: no option
  std::string payload;
};

/// Both addresses are of one family; the frame is of that.
[[nodiscard]] Frame tcp_frame(const TcpFrame& what);
[[nodiscard]] Frame udp_frame(const std::string& from, const std::string& to, std::uint16_t from_port,
                              std::uint16_t to_port, const std::string& payload);
[[nodiscard]] Frame icmpv6_frame(const std::string& from, const std::string& to, std::uint8_t type);

[[nodiscard]] bool tcp_checksum_is_right(const Frame& frame);
/// Leaves in a TCP frame what a kernel that offloads checksums leaves there: the pseudo-header's sum.
void store_pseudo_sum(Frame& frame);

}  // namespace sublet::test
