// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/inquiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/allocation/hostlist.h"
#include "launcher/allocation/readings.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

// "JOBID TIME" per line: an array's first id and a heterogeneous job's give the lines of all their parts.
Result<void> apply_squeue(std::string_view answer, std::int64_t now, Allocation& allocation) {
  for (const std::string& line : lines(answer)) {
    const std::vector<std::string> parts = words(line);
    if (parts.size() != 2 || parts[0] != allocation.id) continue;
    if (parts[1] == "UNLIMITED" || parts[1] == "NOT_SET") {
      allocation.end.reset();
      return {};
    }
    auto left = parse_time_left(parts[1]);
    if (!left) return fail("squeue gives " + shown(parts[1]) + " as the time that is left");
    allocation.end = now + *left;
    allocation.end_by = "squeue";
    return {};
  }
  return fail("squeue does not know job " + allocation.id);
}

Result<const json*> member(const json& object, const char* name) {
  auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end()) return fail(std::string("R has no ") + name);
  return &*found;
}

// Of the entry whose ranks hold `rank`.
Result<void> read_children(const json& entry, FluxResources& resources) {
  const json& children = *TRY(member(entry, "children"));
  if (auto core = children.find("core"); core != children.end() && core->is_string())
    resources.cores = static_cast<std::uint32_t>(TRY(expand_idset(core->get<std::string>())).size());
  if (auto gpu = children.find("gpu"); gpu != children.end() && gpu->is_string())
    for (const std::uint32_t id : TRY(expand_idset(gpu->get<std::string>())))
      resources.gpus.push_back(std::to_string(id));
  return {};
}

}  // namespace

std::optional<Inquiry> inquiry_for(const Allocation& allocation, bool again) {
  if (allocation.manager == "slurm" && (again || !allocation.end))
    return Inquiry{Inquiry::Kind::kSqueue, {"squeue", "--noheader", "--jobs", allocation.id, "--format", "%A %L"}};
  if (allocation.manager == "flux") {
    // An instance of its own has its job's resources as its own; only a task has to name its job.
    if (allocation.id.starts_with("flux-")) return Inquiry{Inquiry::Kind::kFluxResources, {"flux", "resource", "R"}};
    return Inquiry{Inquiry::Kind::kFluxResources, {"flux", "job", "info", allocation.id, "R"}};
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_time_left(std::string_view text) {
  std::int64_t days = 0;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    constexpr std::int64_t kMostDays = 10000;
    auto value = parse_int<std::int64_t>(text.substr(0, dash));
    if (!value || *value < 0 || *value > kMostDays) return std::nullopt;
    days = *value;
    text.remove_prefix(dash + 1);
  }
  const std::vector<std::string> parts = split(text, ':');
  if (parts.empty() || parts.size() > 3) return std::nullopt;
  std::int64_t seconds = 0;
  for (const std::string& part : parts) {
    constexpr std::int64_t kMostOfOne = 1'000'000;
    auto value = parse_int<std::int64_t>(part);
    if (!value || *value < 0 || *value > kMostOfOne) return std::nullopt;
    seconds = seconds * 60 + *value;
  }
  return days * 86400 + seconds;
}

Result<FluxResources> parse_flux_resources(std::string_view text, const std::string& hostname) {
  const json root = json::parse(text, nullptr, false);
  if (root.is_discarded()) return fail("R is not JSON");
  if (!root.is_object() || root.value("version", json()) != 1) return fail("R is not of version 1");
  const json& execution = *TRY(member(root, "execution"));
  FluxResources resources;
  const json& nodelist = *TRY(member(execution, "nodelist"));
  if (!nodelist.is_array()) return fail("R's nodelist is no array");
  for (const json& part : nodelist) {
    if (!part.is_string()) return fail("R's nodelist holds something that is no text");
    for (std::string& host :
         TRY_WHILE("R's nodelist", expand_hostlist(part.get<std::string>(), kMostHosts - resources.hosts.size())))
      resources.hosts.push_back(std::move(host));
    if (resources.hosts.size() >= kMostHosts) return fail("R has too many hosts");
  }
  const auto own = std::find_if(resources.hosts.begin(), resources.hosts.end(),
                                [&](const std::string& host) { return same_host(host, hostname); });
  if (own != resources.hosts.end()) resources.host_index = static_cast<std::size_t>(own - resources.hosts.begin());
  // Hosts and ranks go side by side, as the entries name the ranks.
  const json& lite = *TRY(member(execution, "R_lite"));
  if (!lite.is_array()) return fail("R_lite is no array");
  std::size_t at = 0;
  for (const json& entry : lite) {
    const json& rank = *TRY(member(entry, "rank"));
    if (!rank.is_string()) return fail("a rank of R_lite is no text");
    const std::size_t count = TRY_WHILE("a rank of R_lite", expand_idset(rank.get<std::string>())).size();
    if (resources.host_index && *resources.host_index >= at && *resources.host_index < at + count)
      TRY(read_children(entry, resources));
    at += count;
  }
  if (auto end = execution.find("expiration"); end != execution.end() && end->is_number()) {
    const double seconds = end->get<double>();
    constexpr double kMost = 4e12;
    if (std::isfinite(seconds) && seconds >= 1 && seconds < kMost)
      resources.expiration = static_cast<std::int64_t>(seconds);
  }
  return resources;
}

Result<void> apply_answer(Inquiry::Kind kind, std::string_view answer, const std::string& hostname, std::int64_t now,
                          Allocation& allocation, std::vector<std::string>& warnings) {
  if (kind == Inquiry::Kind::kSqueue) return apply_squeue(answer, now, allocation);
  FluxResources resources = TRY(parse_flux_resources(answer, hostname));
  allocation.hosts = std::move(resources.hosts);
  allocation.host_index = resources.host_index;
  if (!resources.host_index && !allocation.hosts.empty())
    warnings.push_back(fmt::format("this host is {}, which is not among the {} of Flux's R ({}{})", shown(hostname),
                                   allocation.hosts.size(), allocation.hosts.front(),
                                   allocation.hosts.size() > 1 ? " …" : ""));
  if (!allocation.gpus && !resources.gpus.empty()) {
    allocation.gpus = std::move(resources.gpus);
    allocation.gpus_by = "Flux's R";
  }
  allocation.end = resources.expiration;
  allocation.end_by = resources.expiration ? "Flux's R" : "";
  return {};
}

}  // namespace sublet::launcher
