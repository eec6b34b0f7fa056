// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/filesystem.h"

#include <algorithm>
#include <array>

namespace sublet::launcher {
namespace {

struct Known {
  std::uint32_t magic;
  std::string_view name;
};

// statfs(2), linux/magic.h, and the file systems' own sources for those outside the kernel.
constexpr std::array kKnown = {
    Known{0x00006969, "NFS"},    Known{0x0BD00BD0, "Lustre"}, Known{0x47504653, "GPFS (Storage Scale)"},
    Known{0x19830326, "BeeGFS"}, Known{0x00C36400, "Ceph"},   Known{0x0000517B, "SMB"},
    Known{0xFF534D42, "CIFS"},   Known{0xFE534D42, "SMB2"},   Known{0x5346414F, "OpenAFS"},
    Known{0x6B414653, "AFS"},    Known{0x01021997, "9P"},     Known{0x20030528, "OrangeFS"},
    Known{0xAAD7AAEA, "PanFS"},  Known{0x01161970, "GFS2"},   Known{0x7461636F, "OCFS2"},
    Known{0x73757245, "Coda"},   Known{0x0000564C, "NCP"},    Known{0x18031977, "WekaFS"},
    Known{0xA501FCF5, "VxFS"},   Known{0x65735546, "FUSE"},
};

}  // namespace

std::optional<std::string_view> network_filesystem(std::int64_t magic) {
  // f_type is a signed word: on some architectures the high half is all ones.
  const auto low = static_cast<std::uint32_t>(magic);
  const auto* found = std::ranges::find(kKnown, low, &Known::magic);
  if (found == kKnown.end()) return std::nullopt;
  return found->name;
}

}  // namespace sublet::launcher
