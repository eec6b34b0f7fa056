// SPDX-License-Identifier: Apache-2.0
// What the kernel, NVIDIA's driver and our device plugin say of devices, as values. Pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "launcher/devices/devices.h"

namespace sublet::launcher {

/// /proc/driver/nvidia/gpus/*/information: "GPU UUID" and "Device Minor", lines of "Name:  value".
struct NvidiaInformation {
  std::uint32_t minor = 0;
  std::string uuid;  // empty where the driver hides it ("GPU-????????-…")
};
[[nodiscard]] std::optional<NvidiaInformation> parse_nvidia_information(std::string_view text);

/// "nvidia", 3 → 3 from "nvidia3"; nothing for "nvidiactl", "nvidia-uvm", "nvidia03".
[[nodiscard]] std::optional<std::uint32_t> number_after(std::string_view prefix, std::string_view name);

/// How a node that we can read and write lets us: by its mode, its owner, and its access control list
/// (system.posix_acl_access as in include/uapi/linux/posix_acl_xattr.h; empty: none).
[[nodiscard]] Access access_by(mode_t mode, uid_t owner, uid_t us, std::string_view acl);

/// What `device-plugin --cdi` printed. Each specification has `file`, and `devices` or an error beside it.
struct ReadSpec {
  std::string file;
  std::string error;
  std::vector<CdiDevice> devices;
};
[[nodiscard]] Result<std::vector<ReadSpec>> parse_cdi_listing(std::string_view json);

}  // namespace sublet::launcher
