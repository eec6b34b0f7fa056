// SPDX-License-Identifier: Apache-2.0
#include "bypass/record.h"

#include <nlohmann/json.hpp>

namespace sublet::bypass {
namespace {

using nlohmann::json;

// A pod's name is a DNS subdomain (253), an id of containerd's 64 hex digits, a uid 36.
constexpr std::size_t kLongestName = 253;

struct Field {
  const char* key;
  std::string Record::*member;
};
constexpr Field kFields[] = {{"podUid", &Record::pod_uid},
                             {"podNamespace", &Record::pod_namespace},
                             {"podName", &Record::pod_name},
                             {"container", &Record::container},
                             {"containerId", &Record::container_id}};

}  // namespace

const char* name_of(Level level) {
  switch (level) {
    case Level::kOff: return "off";
    case Level::kFast: return "fast";
    case Level::kFastUdp: return "fast-udp";
  }
  return "off";
}

Result<Level> level_from(std::string_view name) {
  if (name == "off") return Level::kOff;
  if (name == "fast") return Level::kFast;
  if (name == "fast-udp") return Level::kFastUdp;
  return fail("\"" + std::string(name) + "\" is no level of the bypass",
              "the levels are \"off\", \"fast\" and \"fast-udp\"");
}

std::string to_json(const Record& record) {
  json object;
  for (const Field& field : kFields) object[field.key] = record.*field.member;
  object["level"] = name_of(record.level);
  object["killable"] = record.killable;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Record> record_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail("a container's record is not a JSON object");
  Record record;
  std::size_t known = 0;
  for (const Field& field : kFields) {
    auto found = object.find(field.key);
    if (found == object.end() || !found->is_string()) return fail(std::string("no text \"") + field.key + "\"");
    record.*field.member = found->get<std::string>();
    if ((record.*field.member).size() > kLongestName) return fail(std::string("\"") + field.key + "\" is too long");
    ++known;
  }
  auto level = object.find("level");
  if (level == object.end() || !level->is_string()) return fail("no text \"level\"");
  record.level = TRY(level_from(level->get_ref<const std::string&>()));
  auto killable = object.find("killable");
  if (killable == object.end() || !killable->is_boolean()) return fail("no boolean \"killable\"");
  record.killable = killable->get<bool>();
  if (object.size() != known + 2) return fail("a container's record has keys that are not known");
  return record;
}

}  // namespace sublet::bypass
