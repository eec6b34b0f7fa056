// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::uint64_t kTooMuch = std::numeric_limits<std::uint64_t>::max() / 2;

const json& at(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) { return std::min(a, kTooMuch) + std::min(b, kTooMuch); }
std::uint64_t more(std::uint64_t a, std::uint64_t b) { return std::max(a, b); }
using Join = std::uint64_t (*)(std::uint64_t, std::uint64_t);

Requests join(const Requests& a, const Requests& b, Join each) {
  return {each(a.milli_cpus, b.milli_cpus), each(a.memory_bytes, b.memory_bytes)};
}

std::uint64_t amount(const json& list, const char* name, double scale) {
  const json& value = at(list, name);
  if (value.is_null()) return 0;
  return value.is_string() ? quantity(value.get<std::string>(), scale).value_or(kTooMuch) : kTooMuch;
}

// A ResourceList.
Requests resources(const json& list) {
  constexpr double kMilli = 1000;
  return {amount(list, "cpu", kMilli), amount(list, "memory", 1)};
}

// `statuses`: what it has at the moment (KEP-1287), which the kubelet goes by until a change is made.
Requests of_container(const json& container, const json& statuses) {
  Requests asked = resources(at(at(container, "resources"), "requests"));
  if (!statuses.is_array()) return asked;
  for (const json& status : statuses)
    if (at(status, "name") == at(container, "name"))
      asked = join(asked, resources(at(status, "allocatedResources")), more);
  return asked;
}

Requests of_pod(const json& pod) {
  const json& spec = at(pod, "spec");
  const json& status = at(pod, "status");
  Requests together;
  Requests most;  // at any time
  if (const json& containers = at(spec, "initContainers"); containers.is_array()) {
    for (const json& container : containers) {
      const Requests own = of_container(container, at(status, "initContainerStatuses"));
      most = join(most, join(together, own, sum), more);
      if (at(container, "restartPolicy") == "Always") together = join(together, own, sum);
    }
  }
  if (const json& containers = at(spec, "containers"); containers.is_array())
    for (const json& container : containers)
      together = join(together, of_container(container, at(status, "containerStatuses")), sum);
  most = join(most, together, more);
  // KEP-2837: what the pod asks for as a whole is said of each resource, or not.
  const json& whole = at(at(spec, "resources"), "requests");
  if (!at(whole, "cpu").is_null()) most.milli_cpus = resources(whole).milli_cpus;
  if (!at(whole, "memory").is_null()) most.memory_bytes = resources(whole).memory_bytes;
  return join(most, resources(at(spec, "overhead")), sum);
}

}  // namespace

std::optional<std::uint64_t> quantity(std::string_view text, double scale) {
  // apimachinery, resource.Quantity. What from_chars() takes as an exponent is one there, too.
  static constexpr std::pair<std::string_view, double> kSuffixes[] = {
      {"", 1},        {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},   {"k", 1e3},     {"M", 1e6},
      {"G", 1e9},     {"T", 1e12},    {"P", 1e15},    {"E", 1e18},   {"Ki", 0x1p10}, {"Mi", 0x1p20},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const auto* unit =
      std::find_if(std::begin(kSuffixes), std::end(kSuffixes), [&](auto& s) { return s.first == suffix; });
  if (unit == std::end(kSuffixes)) return std::nullopt;
  // 0.1 is a little more than that in binary; a millionth is nobody's request.
  constexpr double kNoise = 1e-6;
  const double value = std::ceil(number * unit->second * scale - kNoise);
  return value >= static_cast<double>(kTooMuch) ? kTooMuch : static_cast<std::uint64_t>(std::max(value, 0.0));
}

Requests requests_of(const json& pods) {
  Requests all;
  const json& items = at(pods, "items");
  if (!items.is_array()) return {kTooMuch, kTooMuch};
  for (const json& pod : items) {
    const json& phase = at(at(pod, "status"), "phase");
    if (phase != "Succeeded" && phase != "Failed") all = join(all, of_pod(pod), sum);
  }
  return all;
}

bool fits(const Requests& asked, const Plan& plan) {
  constexpr std::uint64_t kMilli = 1000;
  const bool memory_known = plan.share.memory_bytes != 0;
  return asked.milli_cpus <= plan.share.cpu_count() * kMilli &&
         (!memory_known || asked.memory_bytes <= plan.memory_for_pods());
}

std::string to_text(const Requests& asked) {
  constexpr double kMilli = 1000;
  return fmt::format("{:g} CPUs and {}", static_cast<double>(asked.milli_cpus) / kMilli,
                     human_bytes(asked.memory_bytes));
}

}  // namespace sublet::launcher
