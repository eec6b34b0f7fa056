// SPDX-License-Identifier: Apache-2.0
// The tap: a link of the cluster's namespace whose other end is a descriptor, which the driver holds.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::netns {

/// Makes the tap `name` in the network namespace that the caller is in (CAP_NET_ADMIN over it is needed), with a
/// virtio_net_hdr in front of each frame and no packet information. The link goes when the last descriptor of it is
/// closed.
///
/// `device` is opened here, since the kernel makes the link in the namespace that the device was *opened* in (tun.c,
/// tun_chr_open). Where the caller's root has no /dev/net/tun any more, pass "/proc/self/fd/N" of a descriptor kept
/// open (O_PATH will do): that opens it anew. The hint of an error says what an administrator would change.
[[nodiscard]] Result<UniqueFd> open_tap(const std::string& name, const std::string& device = "/dev/net/tun");

/// Asks the guest's kernel to leave checksums and TCP segmentation to the reader of `tap`. An error if it is no tap as
/// open_tap() makes it.
Result<void> enable_offloads(int tap);

}  // namespace sublet::netns
