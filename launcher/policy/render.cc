// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sublet::launcher {
namespace {

std::string set_of(const std::vector<std::string>& words) { return fmt::format("{{ {} }}", fmt::join(words, ", ")); }

std::string addresses(const std::vector<IpAddress>& all) {
  std::vector<std::string> words;
  for (const IpAddress& each : all) words.push_back(each.text());
  return set_of(words);
}

// Ways to be the other side; "" is anybody. `field` is "ip daddr " or "ip saddr ".
std::vector<std::string> peer_matches(const Allowance& allowance, const std::string& field) {
  if (allowance.anybody) return {""};
  std::vector<std::string> matches;
  for (const Allowance::Block& block : allowance.blocks) {
    std::string match = fmt::format("{}{} ", field, block.prefix.text());
    // One after another: sets of overlapping prefixes would have to be merged first.
    for (const Cidr& except : block.except)
      if (!except.address.v6) match += fmt::format("{}!= {} ", field, except.text());
    matches.push_back(std::move(match));
  }
  if (!allowance.pods.empty()) matches.push_back(fmt::format("{}{} ", field, addresses(allowance.pods)));
  return matches;
}

std::vector<std::string> port_matches(const Allowance& allowance) {
  if (allowance.any_port) return {""};
  std::vector<std::string> matches;
  for (const Allowance::Ports& ports : allowance.ports) {
    const char* protocol = name_of(ports.protocol);
    if (ports.first == 0)
      matches.push_back(fmt::format("meta l4proto {} ", protocol));
    else if (ports.first == ports.last)
      matches.push_back(fmt::format("{} dport {} ", protocol, ports.first));
    else
      matches.push_back(fmt::format("{} dport {}-{} ", protocol, ports.first, ports.last));
  }
  for (const Allowance::Named& named : allowance.named)
    matches.push_back(
        fmt::format("ip daddr {} {} dport {} ", named.receiver.text(), name_of(named.protocol), named.number));
  return matches;
}

std::string chains(const Direction& direction, const char* name, const std::string& field) {
  std::string text;
  for (std::size_t i = 0; i < direction.lists.size(); ++i) {
    text += fmt::format("  chain {}-{} {{\n", name, i);
    for (const Allowance& allowance : direction.lists[i])
      for (const std::string& peer : peer_matches(allowance, field))
        for (const std::string& port : port_matches(allowance)) text += fmt::format("    {}{}return\n", peer, port);
    text += "    drop\n  }\n";
  }
  return text;
}

// Which pods are sent to which of these chains.
std::string dispatch(const Direction& direction, const char* name, const char* field) {
  if (direction.pods.empty()) return "";
  std::vector<std::string> words;
  for (const auto& [pod, list] : direction.pods)
    words.push_back(fmt::format("{} : jump {}-{}", pod.text(), name, list));
  return fmt::format("    {} vmap {}\n", field, set_of(words));
}

std::string to_oneself(const std::vector<IpAddress>& pods) {
  std::vector<std::string> words;
  for (const IpAddress& pod : pods) words.push_back(fmt::format("{0} . {0}", pod.text()));
  return fmt::format("    ip saddr . ip daddr {} accept\n", set_of(words));
}

// A pod that has just got its address, and that nobody has told us of, might be one that a policy selects.
std::string strangers(const std::vector<IpAddress>& known, const Cidr& pods) {
  std::string text;
  for (const char* field : {"ip saddr", "ip daddr"}) {
    const std::string other = known.empty() ? "" : fmt::format("{} != {} ", field, addresses(known));
    text += fmt::format("    {} {} {}drop\n", field, pods.text(), other);
  }
  return text;
}

}  // namespace

std::string policy_rules(const PolicyVerdicts& verdicts, const Cidr& pods) {
  // The first line makes the table, if there is none, so that the second does not fail.
  std::string text = fmt::format("table inet {0}\ndelete table inet {0}\n", kPolicyTable);
  if (!verdicts.any) return text;
  text += fmt::format("table inet {} {{\n", kPolicyTable);
  text += chains(verdicts.egress, "egress", "ip daddr ");
  text += chains(verdicts.ingress, "ingress", "ip saddr ");
  text +=
      "  chain forward {\n"
      "    type filter hook forward priority filter; policy accept;\n"
      "    ct state established,related accept\n";
  if (!verdicts.known.empty()) text += to_oneself(verdicts.known);
  text += strangers(verdicts.known, pods);
  text += dispatch(verdicts.egress, "egress", "ip saddr");
  text += dispatch(verdicts.ingress, "ingress", "ip daddr");
  return text + "  }\n}\n";
}

}  // namespace sublet::launcher
