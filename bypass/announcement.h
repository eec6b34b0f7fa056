// SPDX-License-Identifier: Apache-2.0
// How the keeper tells a broker of a listener. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bypass/record.h"

namespace sublet::bypass {

struct Announcement {
  std::uint32_t number = 0;  // the keeper's, from 1 on, never given out twice
  Record record;

  bool operator==(const Announcement&) const = default;
};
[[nodiscard]] std::string to_json(const Announcement& announcement);
[[nodiscard]] Result<Announcement> announcement_from_json(std::string_view text);

}  // namespace sublet::bypass
