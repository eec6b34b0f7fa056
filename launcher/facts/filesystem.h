// SPDX-License-Identifier: Apache-2.0
// Which file systems may hold the state of a cluster. Pure: by the magic number of statfs(2), then by the mount's type
// name for those whose number is not public.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sublet::launcher {

/// kMemory counts against the job's memory. On kNetwork and kFuse (which may hide a network) etcd's fsync and locks,
/// sockets, overlay layers and files of other ids do not work, or work for one host alone.
enum class FilesystemKind { kLocal, kMemory, kNetwork, kFuse };

struct Filesystem {
  FilesystemKind kind = FilesystemKind::kLocal;
  std::string name;  // "NFS", "tmpfs"; "" for a local one that is not in the table
};

/// `magic` is f_type; `type` is the mount's type as in proc_pid_mountinfo(5), "" if unknown.
[[nodiscard]] Filesystem classify_filesystem(std::int64_t magic, std::string_view type = {});

/// Whether the kubelet finds size and use of such a file system by itself. Not of ZFS: where there is a /dev/zfs it
/// runs the command zfs(8) for them, and does not start if it can't (cadvisor, fs/zfs).
[[nodiscard]] bool has_disk_figures(std::int64_t magic);

/// The type name of the mount with device `major`:`minor` in the text of mountinfo; "" if there is none.
[[nodiscard]] std::string mount_type(std::string_view mountinfo, unsigned major, unsigned minor);

}  // namespace sublet::launcher
