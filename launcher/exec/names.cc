// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/names.h"

#include <algorithm>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

// Whether `name` is below `domain`, and what is in front of it.
bool strip(std::string_view name, std::string_view domain, std::string_view& front) {
  if (domain.empty() || name.size() <= domain.size() + 1 || !name.ends_with(domain)) return false;
  if (name[name.size() - domain.size() - 1] != '.') return false;
  front = name.substr(0, name.size() - domain.size() - 1);
  return true;
}

// The forms of coredns's kubernetes plugin (Kubernetes DNS-Based Service Discovery): svc, svc.ns, pod.svc.ns; services'
// ports in front (_port._proto); pods' dashed addresses (a-b-c-d.ns.pod).
void add_forms(std::string_view name, const NameRules& rules, std::vector<std::string>& to) {
  const std::vector<std::string> labels = split(name, '.');
  if (labels.empty() ||
      std::any_of(labels.begin(), labels.end(), [](const std::string& label) { return label.empty(); }))
    return;
  const auto plain = std::count_if(labels.begin(), labels.end(), [](const std::string& l) { return l[0] != '_'; });
  const std::string text(name);
  const std::string in_own_namespace = text + "." + rules.name_space + ".svc." + rules.domain;
  if (labels.back() == "svc" || labels.back() == "pod") {
    // svc.ns.svc and longer. «something.svc» alone would be a namespace.
    if (plain >= 3 && plain <= 4) to.push_back(text + "." + rules.domain);
    return;
  }
  if (plain == 1 || plain == 2) to.push_back(in_own_namespace);
  if (plain == 2 || plain == 3) to.push_back(text + ".svc." + rules.domain);
}

}  // namespace

ClusterNames cluster_names(std::string_view name, const NameRules& rules) {
  ClusterNames names;
  std::string_view front;
  if (name == rules.domain || strip(name, rules.domain, front)) return {{std::string(name)}, true};
  add_forms(name, rules, names.candidates);
  // «svc.ns.example.org»: the resolver has put its search domain behind it. A full name of the cluster's, too.
  for (const std::string& host_domain : rules.host_domains) {
    if (!strip(name, host_domain, front)) continue;
    std::string_view ignored;
    if (strip(front, rules.domain, ignored))
      names.candidates.emplace_back(front);
    else
      add_forms(front, rules, names.candidates);
  }
  // The same by two ways, or a name longer than DNS has (RFC 1035 §2.3.4).
  constexpr std::size_t kLongestName = 253;
  std::vector<std::string> once;
  for (std::string& candidate : names.candidates)
    if (candidate.size() <= kLongestName && std::find(once.begin(), once.end(), candidate) == once.end())
      once.push_back(std::move(candidate));
  names.candidates = std::move(once);
  return names;
}

}  // namespace sublet::launcher
