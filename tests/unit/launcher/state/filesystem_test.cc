// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/filesystem.h"

#include <linux/magic.h>

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

TEST_CASE("filesystem: network file systems are known by their magic", "[state]") {
  struct Row {
    std::int64_t magic;
    std::optional<std::string_view> name;
  };
  for (const Row& row :
       {Row{NFS_SUPER_MAGIC, "NFS"}, Row{0x0BD00BD0, "Lustre"}, Row{0x47504653, "GPFS (Storage Scale)"},
        Row{0x19830326, "BeeGFS"}, Row{CEPH_SUPER_MAGIC, "Ceph"}, Row{CIFS_SUPER_MAGIC, "CIFS"},
        Row{SMB2_SUPER_MAGIC, "SMB2"}, Row{FUSE_SUPER_MAGIC, "FUSE"}, Row{V9FS_MAGIC, "9P"},
        Row{TMPFS_MAGIC, std::nullopt}, Row{EXT4_SUPER_MAGIC, std::nullopt}, Row{XFS_SUPER_MAGIC, std::nullopt},
        Row{BTRFS_SUPER_MAGIC, std::nullopt}, Row{OVERLAYFS_SUPER_MAGIC, std::nullopt},
        Row{0x2fc12fc1 /* ZFS */, std::nullopt}}) {
    CAPTURE(row.magic);
    CHECK(network_filesystem(row.magic) == row.name);
  }
}

TEST_CASE("filesystem: a magic with its high bit set is known, however the word was widened", "[state]") {
  CHECK(network_filesystem(0xFF534D42) == "CIFS");
  CHECK(network_filesystem(static_cast<std::int32_t>(0xFF534D42)) == "CIFS");
}

}  // namespace
}  // namespace sublet::launcher
