// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/readings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/allocation/hostlist.h"

namespace sublet::launcher {
namespace {

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string out = "«";
  for (const char c : text.substr(0, kLongest)) {
    if (c >= ' ' && c <= '~' && c != '\\')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out + (text.size() > kLongest ? "…»" : "»");
}

bool good_job_id(std::string_view id) {
  constexpr std::size_t kLongest = 128;
  constexpr std::string_view kFluxPrefix = "\xC6\x92";  // "ƒ" of RFC 19's F58, unless the locale is plain ASCII
  if (id.starts_with(kFluxPrefix)) id.remove_prefix(kFluxPrefix.size());
  if (id.empty() || id.size() > kLongest || !is_alnum(id[0])) return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return is_alnum(c) || std::string_view("._-[]").find(c) != std::string_view::npos; });
}

std::optional<std::uint64_t> parse_megabytes(std::string_view text) {
  unsigned shift = 20;
  if (!text.empty()) {
    switch (text.back()) {
      case 'K': shift = 10; break;
      case 'M': shift = 20; break;
      case 'G': shift = 30; break;
      case 'T': shift = 40; break;
      default: shift = 0;
    }
    if (shift != 0)
      text.remove_suffix(1);
    else
      shift = 20;
  }
  auto value = parse_int<std::uint64_t>(text);
  constexpr unsigned kMostBits = 56;  // 64 PiB: more is a mistake
  if (!value || *value > (std::uint64_t{1} << (kMostBits - shift))) return std::nullopt;
  return *value << shift;
}

std::optional<std::string> Readings::text(const char* name) const {
  auto value = env_(name);
  return value && !value->empty() ? value : std::nullopt;
}

std::optional<std::uint64_t> Readings::number(const char* name, std::uint64_t most) {
  auto value = text(name);
  if (!value) return std::nullopt;
  auto parsed = parse_int<std::uint64_t>(*value);
  if (parsed && *parsed >= 1 && *parsed <= most) return parsed;
  ignore(name, *value, fmt::format("not a number of 1 to {}", most));
  return std::nullopt;
}

std::optional<std::vector<std::string>> Readings::hosts(const char* name) {
  auto value = text(name);
  if (!value) return std::nullopt;
  auto list = expand_hostlist(*value);
  if (list) return std::move(*list);
  ignore(name, *value, list.error().what);
  return std::nullopt;
}

std::optional<std::vector<std::uint32_t>> Readings::counts(const char* name) {
  auto value = text(name);
  if (!value) return std::nullopt;
  auto list = expand_counts(*value);
  if (list) return std::move(*list);
  ignore(name, *value, list.error().what);
  return std::nullopt;
}

void Readings::ignore(const char* name, std::string_view value, std::string_view why) {
  warn(fmt::format("{} is {}: {}; ignored", name, shown(value), why));
}

void place_host(Allocation& allocation, const std::string& own_name, const char* list_name, std::uint64_t count,
                const char* count_name, Readings& readings) {
  const std::vector<std::string>& hosts = allocation.hosts;
  if (count != 0 && !hosts.empty() && count != hosts.size())
    readings.warn(
        fmt::format("{} names {} hosts, but {} is {}; going by the list", list_name, hosts.size(), count_name, count));
  const auto own = std::find_if(hosts.begin(), hosts.end(), [&](auto& host) { return same_host(host, own_name); });
  if (own != hosts.end()) {
    allocation.host_index = static_cast<std::size_t>(own - hosts.begin());
  } else if (!hosts.empty()) {
    readings.warn(fmt::format("this host is {}, which is not among the {} of {} ({}{})", shown(own_name), hosts.size(),
                              list_name, hosts.front(), hosts.size() > 1 ? " …" : ""));
  }
}

}  // namespace sublet::launcher
