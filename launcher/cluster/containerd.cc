// SPDX-License-Identifier: Apache-2.0
// containerd's configuration, the network of pods (CNI), the registries, and the OCI wrapper's settings.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "launcher/cluster/files.h"
#include "launcher/images/credentials.h"
#include "launcher/oci/settings.h"

namespace sublet::launcher {
namespace {

// A TOML basic string. Paths and URLs come from the configuration, so nothing may break out of the quotes.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

// hosts.toml, which has the rest of a registry, knows no passwords. (Deprecated, and there in 2.4: what is to follow
// are pull secrets, which each namespace would have to hold.)
std::string registry_credentials(const CredentialsByHost& by_host) {
  std::string text;
  for (const auto& [host, credentials] : by_host) {
    text += fmt::format("    [plugins.'io.containerd.cri.v1.images'.registry.configs.{}.auth]\n", quoted(host));
    if (credentials.identity_token.empty())
      text += fmt::format("      username = {}\n      password = {}\n", quoted(credentials.username),
                          quoted(credentials.password));
    else
      text += fmt::format("      identitytoken = {}\n", quoted(credentials.identity_token));
  }
  return text;
}

std::string containerd_toml(const Plan& plan) {
  return fmt::format(
      R"(version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]

[grpc]
  address = {socket}

# The state goes with the job: nothing is gained by waiting for the disk.
[plugins.'io.containerd.metadata.v1.bolt']
  no_sync = true

# How much of its time the collector may take from others, by which it reckons when to look again: a quarter of a second
# at the least. So it looks every five. What is removed for its space (an image) it collects at once.
[plugins.'io.containerd.gc.v1.scheduler']
  pause_threshold = 0.001

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "{snapshotter}"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{pause}"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = {registries}
{credentials}
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  enable_unprivileged_icmp = false
  enable_unprivileged_ports = true
  # Asks each container's shim; by default every second. The kubelet's own statistics are this old too.
  stats_collect_period = "10s"
  cdi_spec_dirs = {cdi}
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{components}/cni", "/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"
    use_internal_loopback = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    pod_annotations = ["sublet.dev/*"]
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{wrapper}"
      SystemdCgroup = false
      NoNewKeyring = true
{proxy_plugins})",
      fmt::arg("socket", quoted(kContainerdSocket)), fmt::arg("snapshotter", name_of(plan.snapshotter)),
      fmt::arg("pause", kPauseImage), fmt::arg("registries", quoted(inside_path("etc/registries"))),
      fmt::arg("credentials", registry_credentials(plan.credentials)), fmt::arg("components", kComponentsInside),
      fmt::arg("wrapper", kWrapperInside), fmt::arg("cdi", nlohmann::json(cdi_directories(plan)).dump()),
      fmt::arg("proxy_plugins", ""));
}

std::string cni_configuration(const Plan& plan) {
  const char* backend = plan.proxy == ProxyMode::kNftables ? "nftables" : "iptables";
  nlohmann::json bridge = {{"type", "bridge"},
                           {"bridge", "cni0"},
                           {"isGateway", true},
                           {"ipMasq", true},
                           {"ipMasqBackend", backend},
                           {"hairpinMode", true},
                           {"mtu", plan.mtu},
                           {"ipam",
                            {{"type", "host-local"},
                             {"ranges", {{{{"subnet", plan.addresses.pods}}}}},
                             {"routes", {{{"dst", "0.0.0.0/0"}}}},
                             {"dataDir", "/var/lib/cni/networks"}}}};
  nlohmann::json portmap = {{"type", "portmap"}, {"backend", backend}, {"capabilities", {{"portMappings", true}}}};
  return nlohmann::json{{"cniVersion", "1.0.0"}, {"name", "sublet"}, {"plugins", {bridge, portmap}}}.dump(2);
}

// containerd's hosts.toml: mirrors first, in their order, then the registry itself ("server").
std::string hosts_toml(const std::string& host, const Registry& registry) {
  const std::string ca = registry.ca_file.empty() ? "" : quoted(inside_path("etc/ca-" + host + ".pem"));
  std::string text =
      fmt::format("server = {}\n", quoted((registry.plain_http ? "http://" : "https://") + request_host(host)));
  if (!ca.empty()) text += fmt::format("ca = {}\n", ca);
  for (const std::string& mirror : registry.mirrors) {
    text += fmt::format("\n[host.{}]\n  capabilities = [\"pull\", \"resolve\"]\n", quoted(mirror));
    if (!ca.empty()) text += fmt::format("  ca = {}\n", ca);
  }
  return text;
}

}  // namespace

StateFile oci_file(const Plan& plan) {
  OciSettings settings;
  settings.runtime =
      plan.config.oci_runtime.empty() ? std::string(kComponentsInside) + "/runc" : plan.config.oci_runtime;
  settings.cgroups = plan.cgroups.any();
  settings.controllers = plan.cgroups.controllers;
  settings.id_limit = plan.identity.id_limit;
  settings.broker = plan.bypass;
  settings.bypass = plan.config.bypass == BypassMode::kOptIn ? bypass::Level::kOff : bypass::Level::kFast;
  settings.udp = plan.config.bypass_udp;
  if (plan.confine_pods) settings.cpus = plan.cpus;
  settings.wrapper = kWrapperInside;
  return {"oci.json", to_json(settings)};
}

std::vector<StateFile> containerd_files(const Plan& plan) {
  std::vector<StateFile> files = {{"etc/containerd.toml", containerd_toml(plan)},
                                  {"etc/10-sublet.conflist", cni_configuration(plan)},
                                  oci_file(plan)};
  for (const auto& [host, registry] : plan.config.registries)
    files.push_back({fmt::format("etc/registries/{}/hosts.toml", host), hosts_toml(host, registry)});
  return files;
}

Service containerd_service(const Plan& plan) {
  Service service =
      component(plan, kContainerd, {"--config", inside_path("etc/containerd.toml"), "--log-level", "warn"});
  // The shim is looked up on PATH.
  service.env.front() += std::string(":") + kComponentsInside;
  service.readiness = {Readiness::Kind::kUnix, "", 0, kContainerdSocket};
  service.stop_grace = std::chrono::milliseconds(300);
  // Unpacking an image chowns its files; containers inherit the filter.
  service.fake_ids_limit = plan.identity.id_limit;
  constexpr unsigned long kOpenFiles = 65536;
  service.open_files = kOpenFiles;
  return service;
}

}  // namespace sublet::launcher
