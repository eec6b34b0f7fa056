// SPDX-License-Identifier: Apache-2.0
// Services, EndpointSlices and pods as plain values: what of the API's objects matters to ports of the host. What is
// not as the API has it is left out: the API server has checked it.
// https://kubernetes.io/docs/reference/kubernetes-api/service-resources/
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/cidr.h"
#include "launcher/policy/values.h"

namespace sublet::launcher {

/// On a Service: its NodePort and LoadBalancer ports answer everybody, not its owner's processes alone.
inline constexpr const char* kPublicAnnotation = "sublet.dev/public";

struct ServicePort {
  std::string name;  // may be empty where there is one only
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  std::uint16_t node_port = 0;  // 0: none
};

struct ServiceObject {
  std::string ns;
  std::string name;
  std::string uid;
  std::string type;                    // ClusterIP, NodePort, LoadBalancer, ExternalName
  std::vector<std::string> addresses;  // the cluster's own, of each family; "None": headless
  std::string external_name;           // of ExternalName
  std::string load_balancer_class;
  std::string public_wish;  // the annotation's text; empty: not there
  std::vector<ServicePort> ports;
  std::int64_t affinity = 0;                       // seconds; 0: None
  std::vector<std::string> ingress;                // addresses that .status.loadBalancer has
  std::optional<std::vector<Cidr>> source_ranges;  // whom the LoadBalancer is for; not there: everybody
};

struct SliceEndpoint {
  std::vector<std::string> addresses;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string pod_uid;
};

struct SlicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
};

struct SliceObject {
  std::string ns;
  std::string service;
  bool v6 = false;
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;
};

struct PodPort {
  std::uint16_t host_port = 0;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  std::string host_ip;
};

struct PodObject {
  std::string ns;
  std::string name;
  std::string uid;
  std::string address;  // empty: none yet
  bool ended = false;
  Labels labels;
  bool host_network = false;     // its network is the cluster's node's
  std::vector<PodPort> ports;    // those with a hostPort; on the node's network that is each that is declared
  std::vector<NamedPort> named;  // for policies that call ports by name
};

[[nodiscard]] ServiceObject service_object_from_json(const nlohmann::json& object);
[[nodiscard]] SliceObject slice_object_from_json(const nlohmann::json& object);
[[nodiscard]] PodObject pod_object_from_json(const nlohmann::json& object);

}  // namespace sublet::launcher
