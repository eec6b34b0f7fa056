// SPDX-License-Identifier: Apache-2.0
#include "netns/frame.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/cidr.h"
#include "tests/support/frames.h"

using namespace sublet;
using namespace sublet::netns;
using namespace sublet::test;

namespace {

constexpr std::array<std::uint8_t, 4> kGateway{10, 0, 2, 2};

bool enters(const std::vector<std::uint8_t>& frame, bool ipv6 = true) { return may_enter(frame, ipv6, kGateway); }

std::string guest_of(const std::string& to) { return to.find(':') == std::string::npos ? "10.0.2.100" : "fd00::100"; }

}  // namespace

TEST_CASE("frame: no spelling of the host's loopback may enter", "[netns]") {
  for (const char* to : {"127.0.0.1", "127.0.0.53", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::", "::1", "::127.0.0.1",
                         "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:192.0.2.1"}) {
    INFO(to);
    CHECK_FALSE(enters(udp_frame(guest_of(to), to, 40000, 9999, "x")));
    CHECK_FALSE(enters(tcp_frame({.from = guest_of(to), .to = to, .flags = kSyn})));
  }
}

TEST_CASE("frame: where it goes is told by its IP header", "[netns]") {
  const std::vector<Cidr> networks = {*parse_cidr("10.200.0.0/16"), *parse_cidr("2001:db8:5::/48")};
  for (const char* to : {"10.200.0.0", "10.200.255.255", "2001:db8:5::1"}) {
    INFO(to);
    CHECK(goes_to(udp_frame(guest_of(to), to, 40000, 9999, "x"), networks));
    CHECK(goes_to(tcp_frame({.from = guest_of(to), .to = to, .flags = kSyn}), networks));
    auto frame = udp_frame(guest_of(to), to, 40000, 9999, "x");
    CHECK_FALSE(goes_to(frame, {}));
    // Too short to tell: then it is too short to be let in, too.
    frame.resize(30);
    CHECK_FALSE(goes_to(frame, networks));
    CHECK_FALSE(enters(frame));
  }
  for (const char* to : {"10.201.0.0", "10.199.255.255", "2001:db8:6::1"})
    CHECK_FALSE(goes_to(udp_frame(guest_of(to), to, 40000, 9999, "x"), networks));
}

TEST_CASE("frame: what is not answered or not ours may not enter", "[netns]") {
  for (const char* to :
       {"224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::1", "ff01::1", "ff0e::1", "fe80::2"}) {
    INFO(to);
    CHECK_FALSE(enters(udp_frame(guest_of(to), to, 40000, 9999, "x")));
  }
  CHECK_FALSE(enters(udp_frame("10.0.2.100", "10.0.2.2", 68, 67, "dhcp")));
  CHECK_FALSE(enters(udp_frame("10.0.2.100", "10.0.2.2", 40000, 69, "tftp")));
  for (std::uint8_t type : {1, 129, 130, 133, 134, 137, 143}) {
    INFO("icmpv6 " << int{type});
    CHECK_FALSE(enters(icmpv6_frame("fd00::100", "fd00::2", type)));
  }
  CHECK_FALSE(enters(icmpv6_frame("fd00::100", "2001:db8::1", 128)));
  auto other = udp_frame("10.0.2.100", "192.0.2.1", 1, 2, "x");
  for (std::uint16_t type : {0x88f8, 0x8100, 0x0000, 0x88cc}) {
    other[12] = static_cast<std::uint8_t>(type >> 8);
    other[13] = static_cast<std::uint8_t>(type);
    CHECK_FALSE(enters(other));
  }
}

TEST_CASE("frame: ordinary traffic may enter", "[netns]") {
  for (const char* to : {"192.0.2.1", "10.0.2.3", "126.255.255.255", "128.0.0.1", "1.0.0.1", "223.255.255.255",
                         "2001:db8::1", "fd00::3", "::1:0:0:0", "::fffe:7f00:1"}) {
    INFO(to);
    CHECK(enters(udp_frame(guest_of(to), to, 40000, 9999, "x")));
  }
  CHECK(enters(tcp_frame({.from = "10.0.2.100", .to = "10.0.2.2", .flags = kSyn})));  // refused by libslirp, at once
  CHECK(enters(icmpv6_frame("fd00::100", "ff02::1:ff00:2", 135)));
  CHECK(enters(icmpv6_frame("fd00::100", "fd00::2", 128)));
  CHECK_FALSE(enters(udp_frame("fd00::100", "2001:db8::1", 1, 2, "x"), false));
}

TEST_CASE("frame: cut short anywhere it may not enter, and nothing is read beyond", "[netns]") {
  for (const auto& whole : {udp_frame("10.0.2.100", "192.0.2.1", 1, 2, ""), tcp_frame({.flags = kSyn, .mss = 1460}),
                            udp_frame("fd00::100", "2001:db8::1", 1, 2, ""), icmpv6_frame("fd00::1", "fd00::2", 135)}) {
    std::size_t header = whole[12] == 0x86 ? 54 : 34;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      if (size < header) CHECK_FALSE(enters(part));
      (void)enters(part);
      (void)raise_mss(part, 500, 65480);
      (void)offload(part, 1460);
    }
  }
}

TEST_CASE("frame: random bytes are survived", "[netns]") {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> bytes(random() % 120);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (bytes.size() > 14) {
      bytes[12] = random() % 2 != 0 ? 0x08 : 0x86;
      bytes[13] = bytes[12] == 0x08 ? 0 : 0xdd;
    }
    (void)enters(bytes);
    (void)raise_mss(bytes, 500, 65480);
    (void)offload(bytes, 100);
    (void)complete_checksum(bytes, random() % 130, random() % 130);
  }
}

TEST_CASE("frame: a partial checksum is completed, of any length and parity", "[netns]") {
  for (bool v6 : {false, true}) {
    for (std::size_t size : {0U, 1U, 2U, 15U, 16U, 17U, 1459U, 65000U}) {
      INFO((v6 ? "v6 " : "v4 ") << size);
      TcpFrame what{.payload = std::string(size, '\xfe')};
      if (v6) what.from = "fd00::100", what.to = "2001:db8::1";
      auto frame = tcp_frame(what);
      REQUIRE(tcp_checksum_is_right(frame));
      auto partial = frame;
      store_pseudo_sum(partial);
      REQUIRE_FALSE(tcp_checksum_is_right(partial));
      REQUIRE(complete_checksum(partial, v6 ? 54 : 34, 16));
      CHECK(partial == frame);
    }
  }
}

TEST_CASE("frame: checksum offsets outside of the frame are refused", "[netns]") {
  std::vector<std::uint8_t> frame(60);
  CHECK(complete_checksum(frame, 34, 24));
  CHECK_FALSE(complete_checksum(frame, 34, 25));
  CHECK_FALSE(complete_checksum(frame, 61, 0));
  CHECK_FALSE(complete_checksum(frame, 65535, 65535));
  CHECK_FALSE(complete_checksum(frame, 59, 0));
}

TEST_CASE("frame: a SYN's MSS is raised and its checksum stays right", "[netns]") {
  for (bool v6 : {false, true}) {
    TcpFrame what{.flags = kSyn, .mss = 1460};
    if (v6) what.from = "fd00::100", what.to = "2001:db8::1";
    auto frame = tcp_frame(what);
    CHECK(raise_mss(frame, 500, 65480) == 1460);
    CHECK(tcp_checksum_is_right(frame));
    what.mss = 65480;
    CHECK(frame == tcp_frame(what));
  }
}

TEST_CASE("frame: an MSS is left alone where it is no SYN's, too small, or large enough", "[netns]") {
  auto untouched = [](TcpFrame what) {
    auto frame = tcp_frame(what);
    auto before = frame;
    return !raise_mss(frame, 500, 65480) && frame == before;
  };
  CHECK(untouched({.flags = kAck, .mss = 1460}));
  CHECK(untouched({.flags = kSyn}));
  CHECK(untouched({.flags = kSyn, .mss = 499}));
  CHECK(untouched({.flags = kSyn, .mss = 65480}));
  CHECK(untouched({.flags = kSyn, .mss = 65495}));
  auto broken = tcp_frame({.flags = kSyn, .mss = 1460});
  broken[34 + 20 + 1] = 0;  // an option of length 0
  CHECK_FALSE(raise_mss(broken, 500, 65480));
  broken[34 + 20 + 1] = 200;  // an option that ends outside
  CHECK_FALSE(raise_mss(broken, 500, 65480));
}

TEST_CASE("frame: TCP to the guest is described as segments to be", "[netns]") {
  for (bool v6 : {false, true}) {
    TcpFrame what{.payload = std::string(4000, 'x')};
    if (v6) what.from = "2001:db8::1", what.to = "fd00::100";
    auto frame = tcp_frame(what);
    auto described = offload(frame, 1460);
    REQUIRE(described);
    std::size_t start = v6 ? 54 : 34;
    CHECK(described->header.flags == VnetHeader::kNeedsChecksum);
    CHECK(described->header.gso_type == (v6 ? VnetHeader::kTcpV6 : VnetHeader::kTcpV4));
    CHECK(described->header.segment_bytes == 1460);
    CHECK(described->header.header_bytes == start + 20);
    CHECK(described->header.checksum_start == start);
    CHECK(described->header.checksum_offset == 16);
    CHECK(described->checksum_offset == start + 16);
    // The two bytes given are the pseudo-header's sum: completing it gives the old frame.
    auto partial = frame;
    std::memcpy(&partial[described->checksum_offset], &described->checksum, 2);
    CHECK(complete_checksum(partial, start, 16));
    CHECK(partial == frame);
    CHECK(offload(frame, 4000)->header.gso_type == 0);
    CHECK(offload(frame, 3999)->header.gso_type != 0);
  }
}

TEST_CASE("frame: what is no plain TCP is sent as it is", "[netns]") {
  CHECK_FALSE(offload(udp_frame("192.0.2.1", "10.0.2.100", 1, 2, std::string(4000, 'x')), 1460));
  auto fragment = tcp_frame({.payload = std::string(4000, 'x')});
  fragment[14 + 6] = 0x20;  // more fragments
  CHECK_FALSE(offload(fragment, 1460));
  auto beyond = tcp_frame({.payload = "x"});
  beyond[14 + 2] = 0xff;  // says that it is longer than it is
  CHECK_FALSE(offload(beyond, 1460));
}
