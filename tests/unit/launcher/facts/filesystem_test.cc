// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/filesystem.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {

TEST_CASE("filesystem: kind by statfs magic, else by the mount's type", "[facts]") {
  struct Row {
    std::int64_t magic;
    const char* type;
    FilesystemKind kind;
    const char* name;
  };
  using enum FilesystemKind;
  const std::vector<Row> rows = {
      {0x6969, "", kNetwork, "NFS"},
      {0x0BD00BD0, "", kNetwork, "Lustre"},
      {0x47504653, "", kNetwork, "GPFS (Storage Scale)"},
      {0x19830326, "", kNetwork, "BeeGFS"},
      {0x517B, "", kNetwork, "SMB"},
      {0xFF534D42, "", kNetwork, "CIFS"},
      {static_cast<std::int32_t>(0xFF534D42), "", kNetwork, "CIFS"},  // sign-extended
      {0xFE534D42, "", kNetwork, "SMB2"},
      {0x5346414F, "", kNetwork, "OpenAFS"},
      {0x6B414653, "", kNetwork, "AFS"},
      {0x00C36400, "", kNetwork, "Ceph"},
      {0x01021997, "", kNetwork, "9p"},
      {0xAAD7AAEA, "", kNetwork, "PanFS"},
      {0x20030528, "", kNetwork, "OrangeFS"},
      {0x01161970, "", kNetwork, "GFS2"},
      {0x7461636F, "", kNetwork, "OCFS2"},
      {0x18031977, "", kNetwork, "WekaFS"},
      {0xA501FCF5, "", kNetwork, "VxFS"},
      {0x2FC12FC1, "", kLocal, "ZFS"},
      {0x65735546, "fuse.sshfs", kFuse, "FUSE"},
      {0x12345678, "wekafs", kNetwork, "WekaFS"},
      {0x12345678, "dvs", kNetwork, "DVS"},
      {0x12345678, "fuse.something", kFuse, "FUSE"},
      {0x12345678, "newfs", kLocal, "newfs"},
      {0x12345678, "", kLocal, ""},
      {0x01021994, "tmpfs", kMemory, "tmpfs"},
      {0x858458F6, "ramfs", kMemory, "ramfs"},
      {0xEF53, "ext4", kLocal, "ext4"},
      {0x58465342, "xfs", kLocal, "XFS"},
      {0x9123683E, "btrfs", kLocal, "Btrfs"},
      {0x794C7630, "overlay", kLocal, "overlayfs"},
  };
  for (const Row& row : rows) {
    INFO(std::hex << row.magic << " " << row.type);
    Filesystem found = classify_filesystem(row.magic, row.type);
    CHECK(found.kind == row.kind);
    CHECK(found.name == row.name);
  }
}

TEST_CASE("filesystem: whose figures the kubelet finds", "[facts]") {
  for (std::int64_t magic : {0xEF53, 0x58465342, 0x01021994, 0x794C7630}) CHECK(has_disk_figures(magic));
  CHECK_FALSE(has_disk_figures(0x2FC12FC1));  // ZFS
}

TEST_CASE("mount_type: by the device's numbers", "[facts]") {
  const char* text =
      "21 1 0:5 / /proc rw - proc proc rw\n"
      "24 1 0:51 / /scratch rw,relatime shared:1 master:2 - wekafs backend rw\n"
      "25 1 8:1 / / rw - ext4 /dev/sda1 rw\nshort\n";
  CHECK(mount_type(text, 0, 51) == "wekafs");
  CHECK(mount_type(text, 8, 1) == "ext4");
  CHECK(mount_type(text, 8, 11).empty());
  CHECK(mount_type("", 8, 1).empty());
}

}  // namespace sublet::launcher
