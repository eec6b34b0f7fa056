// SPDX-License-Identifier: Apache-2.0
// What an image archive holds, once its tar has been read: pure decisions on its entries and JSON. OCI image layout
// (image-layout.md of the OCI image specification) and docker-archive (manifest.json of `docker save`).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// One image of an archive.
struct ImageInfo {
  std::string name;                    // as containerd will call it; empty if the archive gives none
  std::string digest;                  // of its manifest or index; empty in a docker-archive
  std::vector<std::string> platforms;  // "linux/amd64": those whose content is there
  std::uint64_t bytes = 0;             // of its blobs, packed
};

/// The tar's members: their sizes, and the text of those that may be JSON.
struct ArchiveContents {
  struct Entry {
    std::uint64_t size = 0;
    bool link = false;  // stands for another member, as `docker save` does for layers that it has twice
    std::string text;
  };
  std::map<std::string, Entry> entries;
};

/// Members up to this size are kept as text: containerd itself takes no larger manifest.
inline constexpr std::uint64_t kLargestManifest = std::uint64_t{4} << 20;

/// The images in it. Errors (which the caller prefixes with the file's name): not an image archive; a blob that a
/// manifest names is missing or short: the archive is incomplete. Manifests of other platforms may be missing; one must
/// be there.
[[nodiscard]] Result<std::vector<ImageInfo>> images_in(const ArchiveContents& contents);

}  // namespace sublet::launcher
