// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/values.h"

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

constexpr std::int64_t kUsualAffinity = 10800;  // sessionAffinityConfig's own default

const json& at(const json& object, std::initializer_list<const char*> keys) {
  static const json kNull;
  const json* found = &object;
  for (const char* key : keys) {
    if (!found->is_object() || !found->contains(key)) return kNull;
    found = &(*found)[key];
  }
  return *found;
}

std::string text(const json& object, std::initializer_list<const char*> keys) {
  const json& value = at(object, keys);
  return value.is_string() ? value.get<std::string>() : "";
}

std::uint16_t number(const json& object, const char* key) {
  constexpr std::int64_t kLast = 65535;
  const json& value = at(object, {key});
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kLast) return 0;
  return static_cast<std::uint16_t>(value.get<std::int64_t>());
}

bool flag(const json& object, const char* key, bool absent) {
  const json& value = at(object, {key});
  return value.is_boolean() ? value.get<bool>() : absent;
}

Protocol protocol(const json& object) {
  const std::string name = text(object, {"protocol"});
  return name == "UDP" ? Protocol::kUdp : name == "SCTP" ? Protocol::kSctp : Protocol::kTcp;
}

std::vector<json> list(const json& object, std::initializer_list<const char*> keys) {
  const json& value = at(object, keys);
  return value.is_array() ? value.get<std::vector<json>>() : std::vector<json>{};
}

std::int64_t affinity(const json& spec) {
  if (text(spec, {"sessionAffinity"}) != "ClientIP") return 0;
  const json& seconds = at(spec, {"sessionAffinityConfig", "clientIP", "timeoutSeconds"});
  return seconds.is_number_integer() ? seconds.get<std::int64_t>() : kUsualAffinity;
}

}  // namespace

ServiceObject service_object_from_json(const json& object) {
  ServiceObject service;
  const json& spec = at(object, {"spec"});
  service.ns = text(object, {"metadata", "namespace"});
  service.name = text(object, {"metadata", "name"});
  service.uid = text(object, {"metadata", "uid"});
  service.type = text(spec, {"type"});
  for (const json& each : list(spec, {"clusterIPs"}))
    if (each.is_string()) service.addresses.push_back(each.get<std::string>());
  service.external_name = text(spec, {"externalName"});
  service.load_balancer_class = text(spec, {"loadBalancerClass"});
  service.public_wish = text(object, {"metadata", "annotations", kPublicAnnotation});
  service.affinity = affinity(spec);
  for (const json& each : list(spec, {"ports"}))
    service.ports.push_back({text(each, {"name"}), protocol(each), number(each, "port"), number(each, "nodePort")});
  for (const json& each : list(object, {"status", "loadBalancer", "ingress"}))
    service.ingress.push_back(text(each, {"ip"}));
  if (const auto ranges = list(spec, {"loadBalancerSourceRanges"}); !ranges.empty()) {
    service.source_ranges.emplace();  // one that cannot be read lets nobody in
    for (const json& each : ranges)
      if (each.is_string())
        if (const auto block = parse_block(trim(each.get<std::string>()))) service.source_ranges->push_back(*block);
  }
  return service;
}

SliceObject slice_object_from_json(const json& object) {
  SliceObject slice;
  slice.ns = text(object, {"metadata", "namespace"});
  slice.service = text(object, {"metadata", "labels", "kubernetes.io/service-name"});
  slice.v6 = text(object, {"addressType"}) == "IPv6";
  for (const json& each : list(object, {"ports"}))
    slice.ports.push_back({text(each, {"name"}), protocol(each), number(each, "port")});
  for (const json& each : list(object, {"endpoints"})) {
    SliceEndpoint endpoint;
    for (const json& address : list(each, {"addresses"}))
      if (address.is_string()) endpoint.addresses.push_back(address.get<std::string>());
    const json& conditions = at(each, {"conditions"});
    // What is not said counts as ready (EndpointConditions).
    endpoint.ready = flag(conditions, "ready", true);
    endpoint.serving = flag(conditions, "serving", endpoint.ready);
    endpoint.terminating = flag(conditions, "terminating", false);
    if (text(each, {"targetRef", "kind"}) == "Pod") endpoint.pod_uid = text(each, {"targetRef", "uid"});
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

PodObject pod_object_from_json(const json& object) {
  PodObject pod;
  pod.ns = text(object, {"metadata", "namespace"});
  pod.name = text(object, {"metadata", "name"});
  pod.uid = text(object, {"metadata", "uid"});
  pod.address = text(object, {"status", "podIP"});
  const std::string phase = text(object, {"status", "phase"});
  pod.ended = phase == "Succeeded" || phase == "Failed";
  pod.labels = labels_of(object);
  pod.host_network = flag(at(object, {"spec"}), "hostNetwork", false);
  std::vector<json> containers = list(object, {"spec", "containers"});
  for (const json& each : list(object, {"spec", "initContainers"}))
    if (text(each, {"restartPolicy"}) == "Always") containers.push_back(each);  // those that stay (sidecars)
  for (const json& container : containers) {
    for (const json& each : list(container, {"ports"})) {
      const std::uint16_t port = number(each, "containerPort");
      if (const std::string name = text(each, {"name"}); !name.empty())
        pod.named.push_back({name, protocol(each), port});
      if (const std::uint16_t on_host = number(each, "hostPort"); on_host != 0 && port != 0)
        pod.ports.push_back({on_host, port, protocol(each), text(each, {"hostIP"})});
    }
  }
  return pod;
}

}  // namespace sublet::launcher
