// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/doctor.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/facts/components.h"

namespace sublet::launcher {
namespace {

using Json = nlohmann::ordered_json;

const char* verdict(const Ladder& ladder) {
  if (ladder.taken() == nullptr) return "missing";
  for (const Rung& rung : ladder.rungs)
    if (rung.state == RungState::kLost) return "less";
  return "ok";
}

std::string host_line(const Facts& facts) {
  std::string job = facts.job.id.empty() ? "no job" : facts.job.manager + " job " + facts.job.id;
  return fmt::format("sublet {} on {}: Linux {}, user {} ({}), {} CPUs, {}, {}\n", sublet_version(), facts.hostname,
                     facts.kernel, facts.user, facts.uid, facts.share.cpu_count(),
                     human_bytes(facts.share.memory_bytes), job);
}

std::string cost_line(const Rung& rung) {
  const char* word = rung.cost == Cost::kRequired ? "required" : rung.cost == Cost::kDegrades ? "degrades" : "only for";
  return fmt::format("{}: {}", word, rung.effect);
}

std::string changes_text(const std::vector<std::string>& admin) {
  std::string text;
  for (const std::string& command : admin)
    text += fmt::format("{:>10}{}\n", "", (command.starts_with('#') ? "" : "root# ") + command);
  return text;
}

std::string ladder_text(const Ladder& ladder) {
  const Rung* taken = ladder.taken();
  std::string text =
      fmt::format("{:<8}{:<16}{}\n", verdict(ladder), ladder.name, taken != nullptr ? taken->name : "nothing usable");
  const Rung* last = nullptr;
  for (const Rung& rung : ladder.rungs) {
    if (rung.state != RungState::kLost) continue;
    // Lost with the one above it, by the same cause.
    if (last != nullptr && last->reason == rung.reason && rung.admin.empty()) continue;
    last = &rung;
    text += fmt::format("{:>8}{}: {}\n", "", rung.name, rung.reason);
    if (!rung.effect.empty()) text += fmt::format("{:>10}{}\n", "", cost_line(rung));
    text += changes_text(rung.admin);
  }
  return text;
}

std::string amount(const Limit& limit, std::uint64_t value) {
  return limit.name == "memory" ? human_bytes(value) : std::to_string(value);
}

std::string limit_text(const Limit& limit) {
  std::string text = fmt::format("{:<8}{:<20}{}\n", limit.ok() ? "ok" : "low", limit.name, amount(limit, limit.value));
  if (limit.ok()) return text;
  text += fmt::format("{:>8}at least {}: {}\n", "", amount(limit, limit.wanted), limit.effect);
  return text + changes_text(limit.admin);
}

Json ladder_json(const Ladder& ladder) {
  const Rung* taken = ladder.taken();
  Json rungs = Json::array();
  for (const Rung& rung : ladder.rungs)
    rungs.push_back({{"name", rung.name},
                     {"state", name_of(rung.state)},
                     {"available", rung.available},
                     {"reason", rung.reason},
                     {"cost", name_of(rung.cost)},
                     {"effect", rung.effect},
                     {"admin", rung.admin}});
  return {{"name", ladder.name},
          {"required", ladder.required},
          {"taken", taken != nullptr ? Json(taken->name) : Json()},
          {"rungs", rungs}};
}

Json limit_json(const Limit& limit) {
  return {{"name", limit.name}, {"value", limit.value},   {"wanted", limit.wanted},
          {"ok", limit.ok()},   {"effect", limit.effect}, {"admin", limit.admin}};
}

Json host_json(const Facts& facts) {
  return {{"hostname", facts.hostname},
          {"kernel", facts.kernel},
          {"user", facts.user},
          {"uid", facts.uid},
          {"gid", facts.gid},
          {"cpus", facts.share.cpu_count()},
          {"memory_bytes", facts.share.memory_bytes},
          {"cgroup_layout", facts.cgroup_layout},
          {"cpus_by", facts.share.cpus_by},
          {"memory_by", facts.share.memory_by},
          {"job", {{"manager", facts.job.manager}, {"id", facts.job.id}}}};
}

void script_part(std::string& text, const std::string& title, const std::string& why,
                 const std::vector<std::string>& admin) {
  if (admin.empty()) return;
  text += "\n# " + title + "\n";
  // A reason may have lines of its own: none of them may become a command.
  for (const std::string& line : lines(why)) text += "#   " + line + "\n";
  for (const std::string& command : admin) text += command + "\n";
}

}  // namespace

std::string diagnosis_as_text(const Diagnosis& diagnosis) {
  std::string text = host_line(diagnosis.facts) + "\n";
  std::size_t missing = 0;
  for (const Ladder& ladder : diagnosis.ladders) {
    text += ladder_text(ladder);
    if (ladder.required && ladder.taken() == nullptr) ++missing;
  }
  text += "\n";
  for (const Limit& limit : diagnosis.limits) text += limit_text(limit);
  for (const std::string& warning : diagnosis.warnings) text += "warning: " + warning + "\n";
  text += missing == 0 ? "\nA cluster can start here.\n"
                       : fmt::format("\nNo cluster can start here: {} of what it needs {} missing.\n", missing,
                                     missing == 1 ? "is" : "are");
  return text;
}

std::string diagnosis_as_json(const Diagnosis& diagnosis) {
  Json json = {{"schema", kDoctorSchema},     {"sublet", sublet_version()},
               {"ready", diagnosis.ready()},  {"host", host_json(diagnosis.facts)},
               {"ladders", Json::array()},    {"limits", Json::array()},
               {"components", Json::array()}, {"warnings", diagnosis.warnings}};
  for (const Ladder& ladder : diagnosis.ladders) json["ladders"].push_back(ladder_json(ladder));
  for (const Limit& limit : diagnosis.limits) json["limits"].push_back(limit_json(limit));
  for (const ComponentFact& component : diagnosis.facts.components)
    json["components"].push_back({{"name", component.name},
                                  {"version", component.version},
                                  {"path", component.path},
                                  {"usable", component.usable.ok},
                                  {"reason", component.usable.reason}});
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string admin_script(const Diagnosis& diagnosis) {
  std::string parts;
  for (const Ladder& ladder : diagnosis.ladders)
    for (const Rung& rung : ladder.rungs)
      if (rung.state == RungState::kLost)
        script_part(parts, ladder.name + ": " + rung.name, rung.reason + "\n" + cost_line(rung), rung.admin);
  for (const Limit& limit : diagnosis.limits)
    if (!limit.ok())
      script_part(
          parts, limit.name,
          fmt::format("{}, wanted {}: {}", amount(limit, limit.value), amount(limit, limit.wanted), limit.effect),
          limit.admin);
  std::string text = "#!/bin/sh\n# What an administrator would change on " + diagnosis.facts.hostname +
                     " for clusters of sublet. Each part stands alone: leave out what is not wanted.\nset -eu\n";
  return text + (parts.empty() ? "\n# Nothing.\n" : parts);
}

}  // namespace sublet::launcher
