// SPDX-License-Identifier: Apache-2.0
// Looking into what the components are given.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "launcher/cluster/files.h"
#include "tests/unit/launcher/plan/samples.h"

namespace sublet::launcher::test {

/// Keys and certificates that can be told apart, and are none.
inline ClusterPki sample_pki() {
  ClusterPki pki;
  auto pair = [](const std::string& name) { return KeyAndCert{name + " key", name + " certificate"}; };
  pki.ca = pair("ca");
  pki.front_proxy_ca = pair("front-proxy-ca");
  pki.service_account = {"sa private", "sa public"};
  pki.apiserver = pair("apiserver");
  pki.apiserver_kubelet = pair("apiserver-kubelet");
  pki.front_proxy_client = pair("front-proxy");
  pki.kubelet_client = pair("kubelet-client");
  pki.kubelet_server = pair("kubelet-server");
  pki.controller_manager = pair("controller-manager");
  pki.scheduler = pair("scheduler");
  pki.proxy = pair("proxy");
  pki.coredns = pair("coredns");
  pki.network_policy = pair("network-policy");
  pki.admin = pair("admin");
  pki.sublet = pair("sublet");
  return pki;
}

inline std::string text_of(const std::vector<StateFile>& files, const std::string& path) {
  for (const StateFile& file : files)
    if (file.path == path) return file.text;
  FAIL("no file " + path);
  return {};
}

inline nlohmann::json json_of(const std::vector<StateFile>& files, const std::string& path) {
  auto json = nlohmann::json::parse(text_of(files, path), nullptr, false);
  REQUIRE(json.is_object());
  return json;
}

/// What `--flag value` or `--flag=value` says; nothing if the flag is not there, or is there twice.
inline std::optional<std::string> flag(const Service& service, const std::string& name) {
  std::vector<std::string> values;
  for (std::size_t i = 1; i < service.argv.size(); ++i) {
    if (service.argv[i] == name) values.push_back(i + 1 < service.argv.size() ? service.argv[i + 1] : "");
    if (service.argv[i].starts_with(name + "=")) values.push_back(service.argv[i].substr(name.size() + 1));
  }
  return values.size() == 1 ? std::optional(values[0]) : std::nullopt;
}

inline Service service_of(const std::vector<Service>& services, const std::string& name) {
  for (const Service& service : services)
    if (service.name == name) return service;
  FAIL("no service " + name);
  return {};
}

}  // namespace sublet::launcher::test
