// SPDX-License-Identifier: Apache-2.0
#include "netns/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstring>

#include "base/sys.h"

namespace sublet::netns {
namespace {

constexpr short kFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

Error explain(Error error) {
  if (error.is(ENOENT) || error.is(ENODEV) || error.is(ENXIO))
    return std::move(error).with_hint(
        "the kernel's tun module is missing: an administrator can load it by `modprobe tun`");
  if (error.is(EACCES))
    return std::move(error).with_hint("an administrator can open it to users by `chmod 0666 /dev/net/tun`");
  return error;
}

}  // namespace

Result<UniqueFd> open_tap(const std::string& name, const std::string& device) {
  if (name.empty() || name.size() >= IFNAMSIZ) return fail("\"" + name + "\" is not a link's name");
  auto tap = sys::open(device, O_RDWR | O_NONBLOCK);
  if (!tap) return tl::unexpected(explain(std::move(tap).error()));
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = kFlags;
  if (::ioctl(tap->get(), TUNSETIFF, &request) != 0) return fail_errno("making tap " + name);
  return tap;
}

Result<void> enable_offloads(int tap) {
  ifreq request{};
  if (::ioctl(tap, TUNGETIFF, &request) != 0) return fail_errno("the descriptor is not a tap");
  if ((request.ifr_flags & kFlags) != kFlags) return fail("the tap was not made with IFF_NO_PI and IFF_VNET_HDR");
  int header_bytes = 0;
  if (::ioctl(tap, TUNGETVNETHDRSZ, &header_bytes) != 0) return fail_errno("TUNGETVNETHDRSZ");
  if (header_bytes != 10) return fail("the tap's virtio_net_hdr is not the plain one of 10 bytes");
  if (::ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) return fail_errno("TUNSETOFFLOAD");
  return {};
}

}  // namespace sublet::netns
