// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/env_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

namespace sublet::launcher {
namespace {

std::string upper(std::string_view name) {
  std::string text;
  for (const char c : name) text += c == '-' || c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

// 3: not by variables.
std::size_t rank(const ReachablePort& port) {
  constexpr std::array<std::string_view, 3> kOrder{"expose", "LoadBalancer", "NodePort"};
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), port.kind) - kOrder.begin());
}

}  // namespace

std::map<std::string, std::string> service_variables(const std::vector<ReachablePort>& ports) {
  std::vector<ReachablePort> sorted;
  for (const ReachablePort& each : ports)
    if (each.port != 0 && rank(each) < 3) sorted.push_back(each);
  std::stable_sort(sorted.begin(), sorted.end(), [](const ReachablePort& a, const ReachablePort& b) {
    return std::tuple(a.ns != "default", a.ns, a.name, rank(a), a.service_port) <
           std::tuple(b.ns != "default", b.ns, b.name, rank(b), b.service_port);
  });
  std::map<std::string, std::string> variables;
  for (const ReachablePort& each : sorted) {
    const std::string name = upper(each.ns == "default" ? each.name : each.ns + "-" + each.name);
    const std::string number = std::to_string(each.port);
    variables.try_emplace(name + "_HOST", each.address);
    variables.try_emplace(name + "_PORT", number);
    if (!each.port_name.empty()) variables.try_emplace(name + "_PORT_" + upper(each.port_name), number);
  }
  return variables;
}

}  // namespace sublet::launcher
