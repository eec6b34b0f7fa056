// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/launcher/cluster/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

TEST_CASE("kubelet: nobody gets in without a certificate, and no port is open to all", "[cluster]") {
  const auto json = json_of(kubelet_files(good_plan(), sample_pki()), "etc/kubelet.json");
  CHECK(json["authentication"]["anonymous"]["enabled"] == false);
  CHECK(json["authentication"]["webhook"]["enabled"] == true);
  CHECK(json["authentication"]["x509"]["clientCAFile"] == "/run/sublet/pki/ca.crt");
  CHECK(json["authorization"]["mode"] == "Webhook");
  CHECK(json["readOnlyPort"] == 0);
  CHECK(json["healthzPort"] == 0);
  CHECK(json["tlsCertFile"] == "/run/sublet/pki/kubelet.crt");
  CHECK(json["tlsPrivateKeyFile"] == "/run/sublet/pki/kubelet.key");
}

TEST_CASE("kubelet: pods have cgroups where the plan has one for the cluster", "[cluster]") {
  struct Row {
    const char* what;
    std::function<void(Plan&)> change;
    nlohmann::json expected;  // null: not there
  };
  const std::vector<Row> rows = {
      {"a leaf",
       [](Plan&) {},
       {{"cgroupsPerQOS", true},
        {"enforceNodeAllocatable", {"pods"}},
        {"cgroupRoot", "/"},
        {"cpuCFSQuota", false},
        {"podPidsLimit", 4096}}},
      {"CPU limits asked for", [](Plan& p) { p.config.cpu_limits = true; }, {{"cpuCFSQuota", true}}},
      {"no limit of pids", [](Plan& p) { p.config.pod_pids = 0; }, {{"podPidsLimit", nullptr}}},
      {"no pids controller",
       [](Plan& p) {
         p.cgroups.controllers = {"memory", "cpu"};
       },
       {{"podPidsLimit", nullptr}}},
      {"none",
       [](Plan& p) { settle_cgroups(p, {}); },
       {{"cgroupsPerQOS", false},
        {"enforceNodeAllocatable", nlohmann::json::array()},
        {"cgroupRoot", nullptr},
        {"podPidsLimit", nullptr}}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Plan plan = good_plan();
    row.change(plan);
    const auto json = json_of(kubelet_files(plan, sample_pki()), "etc/kubelet.json");
    for (const auto& [key, value] : row.expected.items()) {
      INFO(key);
      CHECK(json.value(key, nlohmann::json()) == value);
    }
    const auto oci = json_of(containerd_files(plan), "oci.json");
    CHECK(oci["cgroups"] == plan.cgroups.any());
    CHECK(oci["controllers"] == plan.cgroups.controllers);
  }
}

TEST_CASE("kubelet: it is told that it is not root, and where the rest is", "[cluster]") {
  const Plan plan = good_plan();
  const auto files = kubelet_files(plan, sample_pki());
  const auto json = json_of(files, "etc/kubelet.json");
  CHECK(json["featureGates"]["KubeletInUserNamespace"] == true);
  CHECK(json["failSwapOn"] == false);
  CHECK(json["clusterDNS"] == nlohmann::json::array({"10.43.0.10"}));
  CHECK(json["clusterDomain"] == "cluster.local");
  CHECK(json["containerRuntimeEndpoint"] == std::string("unix://") + kContainerdSocket);
  // A disk that others fill must not evict pods: only memory does.
  for (const auto& [signal, threshold] : json["evictionHard"].items())
    CHECK((signal == "memory.available") == (threshold != "0%"));
  CHECK(text_of(files, "pki/kubelet.crt") == "kubelet-server certificate");
  CHECK(text_of(files, "pki/kubelet.key") == "kubelet-server key");
  const Service service = kubelet_service(plan);
  CHECK(flag(service, "--hostname-override") == "node-7");
  CHECK(flag(service, "--node-ip") == "10.0.2.100");
  CHECK(service.fake_ids_limit == plan.identity.id_limit);
}

TEST_CASE("kubelet: it knows its disk wherever it can", "[cluster]") {
  Plan plan = good_plan();
  CHECK(json_of(kubelet_files(plan, sample_pki()), "etc/kubelet.json")["localStorageCapacityIsolation"] == true);
  plan.disk_figures = false;
  CHECK(json_of(kubelet_files(plan, sample_pki()), "etc/kubelet.json")["localStorageCapacityIsolation"] == false);
}

TEST_CASE("kubelet: an unchanged status is not written at every look", "[cluster]") {
  const auto json = json_of(kubelet_files(good_plan(), sample_pki()), "etc/kubelet.json");
  // Naming the one changes the default of the other, from five minutes to the same.
  CHECK_FALSE(json.contains("nodeStatusUpdateFrequency"));
}

TEST_CASE("kube-proxy: by the mode of the plan, and without a touch of the host's connection tracking", "[cluster]") {
  Plan plan = good_plan();
  for (const ProxyMode mode : {ProxyMode::kNftables, ProxyMode::kIptables}) {
    plan.proxy = mode;
    const auto json = json_of(proxy_files(plan, sample_pki()), "etc/kube-proxy.json");
    CHECK(json["mode"] == name_of(mode));
    CHECK(json["clusterCIDR"] == "10.42.0.0/24");
    CHECK(json["hostnameOverride"] == "node-7");
    for (const char* address : {"healthzBindAddress", "metricsBindAddress"})
      CHECK(json[address].get<std::string>().starts_with("127.0.0.1:"));
    CHECK(json["conntrack"]["maxPerCore"] == 0);
    CHECK(json["conntrack"]["min"] == 0);
    for (const char* timeout : {"tcpEstablishedTimeout", "tcpCloseWaitTimeout", "udpTimeout", "udpStreamTimeout"})
      CHECK(json["conntrack"][timeout] == "0s");
  }
}

TEST_CASE("objects: the DNS Service leads to coredns on the node", "[cluster]") {
  const auto texts = base_objects(good_plan(), "CA");
  REQUIRE(texts.size() == 5);
  const auto service = nlohmann::json::parse(texts[2], nullptr, false);
  CHECK(service["kind"] == "Service");
  CHECK(service["spec"]["clusterIP"] == "10.43.0.10");
  CHECK_FALSE(service["spec"].contains("selector"));
  const auto slice = nlohmann::json::parse(texts[3], nullptr, false);
  CHECK(slice["kind"] == "EndpointSlice");
  CHECK(slice["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]);
  CHECK(slice["metadata"]["namespace"] == service["metadata"]["namespace"]);
  CHECK(slice["endpoints"] ==
        nlohmann::json::array({{{"addresses", {"10.0.2.100"}}, {"conditions", {{"ready", true}}}}}));
  for (const auto& each : {service["spec"]["ports"], slice["ports"]}) {
    REQUIRE(each.size() == 2);
    CHECK(each[0]["protocol"] == "UDP");
    CHECK(each[1]["protocol"] == "TCP");
    CHECK(each[0]["port"] == 53);
  }
  CHECK(nlohmann::json::parse(texts[4], nullptr, false)["kind"] == "StorageClass");
}

TEST_CASE("objects: a pod of the default namespace needs no controller", "[cluster]") {
  const auto texts = base_objects(good_plan(), "CA");
  const auto account = nlohmann::json::parse(texts.at(0), nullptr, false);
  CHECK(account["kind"] == "ServiceAccount");
  const auto map = nlohmann::json::parse(texts.at(1), nullptr, false);
  CHECK(map["kind"] == "ConfigMap");
  CHECK(map["metadata"]["name"] == "kube-root-ca.crt");
  CHECK(map["data"] == nlohmann::json{{"ca.crt", "CA"}});
  // Without this annotation the controller that owns it would write it again.
  CHECK(map["metadata"]["annotations"].contains("kubernetes.io/description"));
  for (const auto& each : {account, map}) CHECK(each["metadata"]["namespace"] == "default");
}

TEST_CASE("objects: no StorageClass where none is wanted", "[cluster]") {
  Config config;
  config.default_storage_class = false;
  for (const std::string& text : base_objects(good_plan(config), "CA"))
    CHECK(nlohmann::json::parse(text, nullptr, false)["kind"] != "StorageClass");
}

TEST_CASE("objects: coredns and the enforcer of policies may look, and nothing more", "[cluster]") {
  const auto texts = early_objects();
  const std::vector<std::string> users = {"system:coredns", "sublet:network-policy"};
  REQUIRE(texts.size() == 2 * users.size());
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto role = nlohmann::json::parse(texts[2 * i], nullptr, false);
    const auto binding = nlohmann::json::parse(texts[2 * i + 1], nullptr, false);
    REQUIRE(role["rules"].is_array());
    REQUIRE(role["rules"].size() == 2);
    for (const auto& rule : role["rules"]) {
      CHECK(rule["verbs"] == nlohmann::json::array({"list", "watch"}));
      REQUIRE(rule["apiGroups"].is_array());
      for (const auto& resource : rule["resources"]) CHECK(resource != "secrets");
    }
    CHECK(binding["roleRef"]["name"] == role["metadata"]["name"]);
    REQUIRE(binding["subjects"].is_array());
    REQUIRE(binding["subjects"].size() == 1);
    CHECK(binding["subjects"][0]["kind"] == "User");
    CHECK(binding["subjects"][0]["name"] == users[i]);
  }
}

TEST_CASE("network policy: the enforcer knows the pods' prefix, and is not there where it is not wanted", "[cluster]") {
  Plan plan = good_plan();
  const auto files = network_policy_files(plan, sample_pki());
  REQUIRE(files.size() == 1);
  const auto settings = nlohmann::json::parse(files[0].text, nullptr, false);
  CHECK(settings["pods"] == plan.addresses.pods);
  CHECK(settings["key"] == "network-policy key");
  CHECK(network_policy_service(plan).argv.back() == inside_path(files[0].path));
  plan.policy = false;
  CHECK(network_policy_files(plan, sample_pki()).empty());
  const auto services = all_services(plan);
  REQUIRE(services);
  for (const Service& service : *services) CHECK(service.name != kNetworkPolicy);
}

TEST_CASE("devices: nothing runs and nothing is written where there are none", "[cluster]") {
  const Plan plan = good_plan();
  CHECK(device_files(plan).empty());
  CHECK(cdi_directories(plan).empty());
  const auto services = all_services(plan);
  REQUIRE(services);
  for (const Service& service : *services) CHECK(service.name != kDevicePlugin);
}

TEST_CASE("devices: the plugin is told of them, and containerd reads the copies of their specifications", "[cluster]") {
  Plan plan = good_plan();
  plan.devices.resources = {{"x.org/a", {{"0", {}, {"x.org/c=a"}}}}};
  plan.devices.cdi = {{2, "b.json", "B"}, {0, "a.yaml", "A"}, {2, "c.json", "C"}};
  const auto files = device_files(plan);
  CHECK(text_of(files, "etc/cdi/0/a.yaml") == "A");
  CHECK(text_of(files, "etc/cdi/2/c.json") == "C");
  CHECK(cdi_directories(plan) == std::vector<std::string>{"/run/sublet/etc/cdi/0", "/run/sublet/etc/cdi/2"});
  const auto services = all_services(plan);
  REQUIRE(services);
  const Service plugin = service_of(*services, kDevicePlugin);
  CHECK(plugin.argv == std::vector<std::string>{"/run/components/device-plugin", "/run/sublet/etc/device-plugin.json"});
  CHECK(json_of(files, "etc/device-plugin.json")["resources"][0]["name"] == "x.org/a");
  const std::string toml = text_of(containerd_files(plan), "etc/containerd.toml");
  CHECK(toml.find("cdi_spec_dirs = [\"/run/sublet/etc/cdi/0\",\"/run/sublet/etc/cdi/2\"]\n") != std::string::npos);
  CHECK(text_of(containerd_files(good_plan()), "etc/containerd.toml").find("cdi_spec_dirs = []\n") !=
        std::string::npos);
}

}  // namespace
}  // namespace sublet::launcher
