// SPDX-License-Identifier: Apache-2.0
// `sublet images list`: reads what `ctr images list` prints, and shows it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

struct ListedImage {
  std::string name;
  std::string digest;
  std::string size;  // for people, as ctr gives it: "43.2 MiB"
  std::vector<std::string> platforms;
};

/// The words after `ctr --address SOCKET` that print the list.
[[nodiscard]] std::vector<std::string> list_arguments();

/// Reads ctr's table (REF TYPE DIGEST SIZE PLATFORMS LABELS). Entries that containerd keeps for itself (names that are
/// digests) are left out. Error: a table of another shape.
[[nodiscard]] Result<std::vector<ListedImage>> parse_ctr_list(std::string_view text);

/// A table with a head line; nothing but the head if there are none.
[[nodiscard]] std::string images_text(const std::vector<ListedImage>& images);
/// [{"name":…,"digest":…,"size":…,"platforms":[…]}]
[[nodiscard]] std::string images_json(const std::vector<ListedImage>& images);

}  // namespace sublet::launcher
