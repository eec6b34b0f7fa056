// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/filesystem.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

struct ByMagic {
  std::uint32_t magic;
  FilesystemKind kind;
  const char* name;
};

// linux/magic.h, statfs(2), and the sources of the file systems that the kernel does not carry.
constexpr std::array kByMagic = {
    ByMagic{0x00006969, FilesystemKind::kNetwork, "NFS"},
    ByMagic{0x0BD00BD0, FilesystemKind::kNetwork, "Lustre"},
    ByMagic{0x47504653, FilesystemKind::kNetwork, "GPFS (Storage Scale)"},
    ByMagic{0x19830326, FilesystemKind::kNetwork, "BeeGFS"},
    ByMagic{0x00C36400, FilesystemKind::kNetwork, "Ceph"},
    ByMagic{0x0000517B, FilesystemKind::kNetwork, "SMB"},
    ByMagic{0xFF534D42, FilesystemKind::kNetwork, "CIFS"},
    ByMagic{0xFE534D42, FilesystemKind::kNetwork, "SMB2"},
    ByMagic{0x5346414F, FilesystemKind::kNetwork, "OpenAFS"},
    ByMagic{0x6B414653, FilesystemKind::kNetwork, "AFS"},
    ByMagic{0x01021997, FilesystemKind::kNetwork, "9p"},
    ByMagic{0xAAD7AAEA, FilesystemKind::kNetwork, "PanFS"},
    ByMagic{0x20030528, FilesystemKind::kNetwork, "OrangeFS"},
    ByMagic{0x01161970, FilesystemKind::kNetwork, "GFS2"},
    ByMagic{0x7461636F, FilesystemKind::kNetwork, "OCFS2"},
    ByMagic{0xBEEFDEAD, FilesystemKind::kNetwork, "StorNext"},
    ByMagic{0x73757245, FilesystemKind::kNetwork, "Coda"},
    ByMagic{0x0000564C, FilesystemKind::kNetwork, "NCP"},
    ByMagic{0x18031977, FilesystemKind::kNetwork, "WekaFS"},
    ByMagic{0xA501FCF5, FilesystemKind::kNetwork, "VxFS"},
    ByMagic{0x65735546, FilesystemKind::kFuse, "FUSE"},
    ByMagic{0x01021994, FilesystemKind::kMemory, "tmpfs"},
    ByMagic{0x858458F6, FilesystemKind::kMemory, "ramfs"},
    ByMagic{0x0000EF53, FilesystemKind::kLocal, "ext4"},
    ByMagic{0x58465342, FilesystemKind::kLocal, "XFS"},
    ByMagic{0x9123683E, FilesystemKind::kLocal, "Btrfs"},
    ByMagic{0x2FC12FC1, FilesystemKind::kLocal, "ZFS"},
    ByMagic{0xF2F52010, FilesystemKind::kLocal, "F2FS"},
    ByMagic{0x794C7630, FilesystemKind::kLocal, "overlayfs"},
};

struct ByType {
  const char* type;
  const char* name;
};

// Without a public number, or with several. dvs: what Cray's compute nodes see NFS and GPFS through.
constexpr std::array kByType = {
    ByType{"wekafs", "WekaFS"},   ByType{"dvs", "DVS"},       ByType{"glusterfs", "GlusterFS"},
    ByType{"quobyte", "Quobyte"}, ByType{"yrfs", "YRFS"},     ByType{"nfs", "NFS"},
    ByType{"nfs4", "NFS"},        ByType{"lustre", "Lustre"}, ByType{"beegfs", "BeeGFS"},
};

}  // namespace

Filesystem classify_filesystem(std::int64_t magic, std::string_view type) {
  // f_type is a signed word, and sign-extended on some architectures.
  auto number = static_cast<std::uint32_t>(magic);
  for (const ByMagic& row : kByMagic)
    if (row.magic == number) return {row.kind, row.name};
  for (const ByType& row : kByType)
    if (type == row.type) return {FilesystemKind::kNetwork, row.name};
  if (type == "fuse" || type.starts_with("fuse.")) return {FilesystemKind::kFuse, "FUSE"};
  return {FilesystemKind::kLocal, std::string(type)};
}

bool has_disk_figures(std::int64_t magic) { return classify_filesystem(magic).name != "ZFS"; }

std::string mount_type(std::string_view mountinfo, unsigned major, unsigned minor) {
  const std::string device = std::to_string(major) + ":" + std::to_string(minor);
  for (const std::string& line : lines(mountinfo)) {
    std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::vector<std::string> before = words(std::string_view(line).substr(0, dash));
    std::vector<std::string> after = words(std::string_view(line).substr(dash + 3));
    if (before.size() > 2 && before[2] == device && !after.empty()) return after[0];
  }
  return {};
}

}  // namespace sublet::launcher
