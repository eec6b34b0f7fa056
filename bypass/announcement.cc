// SPDX-License-Identifier: Apache-2.0
#include "bypass/announcement.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace sublet::bypass {

using nlohmann::json;

std::string to_json(const Announcement& announcement) {
  json object = json::parse(to_json(announcement.record));
  return json{{"number", announcement.number}, {"record", std::move(object)}}.dump();
}

Result<Announcement> announcement_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || object.size() != 2) return fail("an announcement is not an object of two");
  auto number = object.find("number");
  auto record = object.find("record");
  if (number == object.end() || !number->is_number_unsigned() || record == object.end())
    return fail("an announcement needs \"number\" and \"record\"");
  const auto value = number->get<std::uint64_t>();
  if (value == 0 || value > std::numeric_limits<std::uint32_t>::max()) return fail("\"number\" is out of range");
  return Announcement{static_cast<std::uint32_t>(value), TRY(record_from_json(record->dump()))};
}

}  // namespace sublet::bypass
