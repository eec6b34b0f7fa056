// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/known_names.h"

namespace sublet::launcher {
namespace {

constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kAaaa = 28;
constexpr std::uint32_t kTtl = 5;  // as the cluster's own answers have it (launcher/cluster/coredns.cc)

}  // namespace

// https://github.com/kubernetes/dns/blob/master/docs/specification.md: below svc.DOMAIN there are namespaces, below
// those Services, and below those their pods (headless ones) and ports; nothing without a Service.
std::optional<DnsAnswer> known_answer(const ServiceNames& services, std::string_view name, const std::string& domain,
                                      std::uint16_t type, std::uint16_t dns_class) {
  const std::string zone = ".svc." + domain;
  if (dns_class != kInternet || !name.ends_with(zone)) return std::nullopt;
  const std::string_view front = name.substr(0, name.size() - zone.size());
  const std::size_t dot = front.rfind('.');
  if (dot == front.npos) return std::nullopt;  // a namespace's own name
  const std::string_view below = front.substr(0, dot);
  const std::size_t last = below.rfind('.');
  const bool is_service = last == below.npos;
  const auto* service = services.find(front.substr(dot + 1), is_service ? below : below.substr(last + 1));
  DnsAnswer answer;
  if (service == nullptr) {
    answer.code = DnsCode::kNoName;
    return answer;
  }
  if (!is_service || !service->address || (type != kA && type != kAaaa)) return std::nullopt;
  const auto owner = wire_name(name);
  if (!owner) return std::nullopt;
  if (type == kA)
    answer.answers.push_back({*owner, kA, kInternet, kTtl, {service->address->begin(), service->address->end()}});
  return answer;
}

}  // namespace sublet::launcher
