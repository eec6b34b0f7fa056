// SPDX-License-Identifier: Apache-2.0
// Ethernet frames between the tap and libslirp: which may pass, and the offloads that libslirp knows nothing of. Pure.
//
// The guest's kernel leaves checksums and segmentation to us (TUNSETOFFLOAD), and takes segments of up to 64 KiB from
// us whatever its MTU (struct virtio_net_hdr). libslirp always works with 64 KiB frames and full checksums, so: frames
// from the guest get their checksum completed, and a SYN's MSS raised; frames to the guest are marked as segments to
// be. Every byte here comes from an untrusted guest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/cidr.h"

namespace sublet::netns {

using Bytes = std::span<std::uint8_t>;
using ConstBytes = std::span<const std::uint8_t>;

/// struct virtio_net_hdr of <linux/virtio_net.h>, which is no C++ (it has a member "class"). In the host's byte order.
struct VnetHeader {
  static constexpr std::uint8_t kNeedsChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
  static constexpr std::uint8_t kTcpV4 = 1;          // VIRTIO_NET_HDR_GSO_TCPV4
  static constexpr std::uint8_t kTcpV6 = 4;          // VIRTIO_NET_HDR_GSO_TCPV6
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_bytes;  // Ethernet, IP and TCP headers
  std::uint16_t segment_bytes;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;  // from there
};
static_assert(sizeof(VnetHeader) == 10);

/// False for frames that libslirp must never see, since it would connect to any address that a frame names:
/// - destinations that are the host's loopback under one of its names: 127.0.0.0/8, 0.0.0.0/8, ::/96 (::1, ::, and
///   IPv4-compatible ones), ::ffff:0:0/96;
/// - multicast, broadcast and IPv6 link-local (neither is ever answered), save neighbour discovery;
/// - IPv6 when `ipv6` is off; ICMPv6 that libslirp has no answer for; UDP to the gateway (its DHCP and TFTP servers);
/// - protocols other than ARP, IPv4 and IPv6 (libslirp speaks NC-SI too).
/// `gateway` is libslirp's own IPv4 address, in network byte order.
[[nodiscard]] bool may_enter(ConstBytes frame, bool ipv6, std::span<const std::uint8_t, 4> gateway);

/// Is the frame an IP packet to one of these networks?
[[nodiscard]] bool goes_to(ConstBytes frame, std::span<const Cidr> networks);

/// Does what VnetHeader::kNeedsChecksum asks for. False if the offsets lie outside of the frame.
[[nodiscard]] bool complete_checksum(Bytes frame, std::size_t start, std::size_t offset);

/// If the frame is a TCP SYN that offers an MSS from `least` to below `mss`: sets `mss` there, keeps the checksum
/// right, and gives what was offered.
std::optional<std::uint16_t> raise_mss(Bytes frame, std::uint16_t least, std::uint16_t mss);

/// How a frame with complete checksums is handed to the guest's kernel so that it need not verify them, and, if it
/// holds more than `mss` bytes of TCP payload, as segments of that size. `checksum` replaces the two bytes at
/// `checksum_offset` (the pseudo-header's sum, as CHECKSUM_PARTIAL wants).
struct Offload {
  VnetHeader header{};
  std::size_t checksum_offset = 0;
  std::uint16_t checksum = 0;  // network byte order
};
/// Nothing for anything but unfragmented TCP over IPv4 or IPv6 without extension headers: sent as it is.
[[nodiscard]] std::optional<Offload> offload(ConstBytes frame, std::uint16_t mss);

}  // namespace sublet::netns
