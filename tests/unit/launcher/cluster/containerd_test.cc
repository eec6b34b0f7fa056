// SPDX-License-Identifier: Apache-2.0
#include <sstream>
#include <toml.hpp>

#include "launcher/oci/settings.h"
#include "tests/unit/launcher/cluster/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

toml::value parsed(const std::string& text) {
  INFO(text);
  std::istringstream stream(text);
  toml::value value;
  REQUIRE_NOTHROW(value = toml::parse(stream, "file"));
  return value;
}

toml::value containerd_of(const Plan& plan) { return parsed(text_of(containerd_files(plan), "etc/containerd.toml")); }

const toml::value& images_of(const toml::value& file) {
  return toml::find(file, "plugins", "io.containerd.cri.v1.images");
}

// Everything that could end a string, a table's name, a line or a file.
const std::string kHostile = "a\"b'c\\d]e\n[f]\ng = 1 # é\t${H}{}";

TEST_CASE("containerd: the configuration says what the plan says", "[cluster]") {
  const auto file = containerd_of(good_plan());
  CHECK(toml::find<int>(file, "version") == 3);
  CHECK(toml::find<std::string>(file, "grpc", "address") == kContainerdSocket);
  CHECK(toml::find<std::string>(images_of(file), "snapshotter") == "overlayfs");
  CHECK(toml::find<std::string>(images_of(file), "pinned_images", "sandbox") == kPauseImage);
  CHECK(toml::find<std::string>(images_of(file), "registry", "config_path") == "/run/sublet/etc/registries");
  CHECK_FALSE(toml::find(images_of(file), "registry").contains("configs"));
  const auto& runtime = toml::find(file, "plugins", "io.containerd.cri.v1.runtime");
  // What only real root may do, and what would need cgroups.
  for (const char* key : {"disable_apparmor", "restrict_oom_score_adj", "disable_hugetlb_controller"})
    CHECK(toml::find<bool>(runtime, key));
  const auto& runc = toml::find(runtime, "containerd", "runtimes", "runc");
  CHECK(toml::find<std::string>(runc, "options", "BinaryName") == kWrapperInside);
  CHECK(toml::find<std::vector<std::string>>(runtime, "cni", "bin_dirs").at(0) == "/run/components/cni");
  // No TCP: neither of its own nor for streams that any pod could reach.
  CHECK_FALSE(toml::find(file, "grpc").contains("tcp_address"));
  CHECK_FALSE(file.contains("debug"));
  CHECK_FALSE(file.contains("metrics"));
}

TEST_CASE("containerd: each snapshotter by its name", "[cluster]") {
  Plan plan = good_plan();
  plan.snapshotter = Snapshotter::kNative;
  CHECK(toml::find<std::string>(images_of(containerd_of(plan)), "snapshotter") == "native");
}

TEST_CASE("containerd: credentials stand beside the registries' folder", "[cluster]") {
  Plan plan = good_plan();
  plan.credentials = {{"registry.example.org:5000", {"ann", "hunter2", ""}}, {"token.example.org", {"", "", "abc"}}};
  const auto file = containerd_of(plan);
  const auto& registry = toml::find(images_of(file), "registry");
  CHECK(toml::find<std::string>(registry, "config_path") == "/run/sublet/etc/registries");
  const auto& auth = toml::find(registry, "configs", "registry.example.org:5000", "auth");
  CHECK(toml::find<std::string>(auth, "username") == "ann");
  CHECK(toml::find<std::string>(auth, "password") == "hunter2");
  const auto& token = toml::find(registry, "configs", "token.example.org", "auth");
  CHECK(toml::find<std::string>(token, "identitytoken") == "abc");
  CHECK_FALSE(token.contains("username"));
  for (const StateFile& other : containerd_files(plan))
    if (other.path != "etc/containerd.toml") CHECK(other.text.find("hunter2") == std::string::npos);
}

TEST_CASE("containerd: hostile names, passwords and addresses stay within their quotes", "[cluster]") {
  Plan plan = good_plan();
  const auto before = containerd_of(plan);
  plan.credentials = {{kHostile, {kHostile, kHostile, ""}}};
  auto file = containerd_of(plan);
  const auto& auth = toml::find(images_of(file), "registry", "configs", kHostile, "auth");
  CHECK(toml::find<std::string>(auth, "username") == kHostile);
  CHECK(toml::find<std::string>(auth, "password") == kHostile);
  // Nothing else has changed.
  file.as_table()["plugins"].as_table()["io.containerd.cri.v1.images"].as_table()["registry"].as_table().erase(
      "configs");
  CHECK(file == before);

  plan.config.registries[kHostile] = {.mirrors = {kHostile}, .ca_file = kHostile};
  const auto hosts = parsed(text_of(containerd_files(plan), "etc/registries/" + kHostile + "/hosts.toml"));
  CHECK(hosts.as_table().size() == 3);
  CHECK(toml::find<std::string>(hosts, "server") == "https://" + kHostile);
  CHECK(toml::find<std::string>(hosts, "ca") == "/run/sublet/etc/ca-" + kHostile + ".pem");
  CHECK(toml::find(hosts, "host").as_table().size() == 1);
  CHECK(toml::find(hosts, "host", kHostile).contains("capabilities"));
}

TEST_CASE("containerd: a registry's mirrors come first, in their order", "[cluster]") {
  Plan plan = good_plan();
  plan.config.registries["docker.io"] = {.mirrors = {"https://b.example.org/proxy", "http://a.example.org:5000"}};
  plan.config.registries["plain.example.org:5000"] = {.plain_http = true};
  plan.config.registries["quay.io"] = {.ca_file = "/etc/pki/site.pem"};
  const auto files = containerd_files(plan);
  const std::string docker = text_of(files, "etc/registries/docker.io/hosts.toml");
  // containerd takes them by their place in the file.
  CHECK(docker.find("b.example.org") < docker.find("a.example.org"));
  const auto hub = parsed(docker);
  // Nothing answers for images at docker.io itself.
  CHECK(toml::find<std::string>(hub, "server") == "https://registry-1.docker.io");
  CHECK_FALSE(hub.contains("ca"));
  for (const char* mirror : {"https://b.example.org/proxy", "http://a.example.org:5000"})
    CHECK(toml::find<std::vector<std::string>>(hub, "host", mirror, "capabilities") ==
          std::vector<std::string>{"pull", "resolve"});
  const auto plain = parsed(text_of(files, "etc/registries/plain.example.org:5000/hosts.toml"));
  CHECK(toml::find<std::string>(plain, "server") == "http://plain.example.org:5000");
  const auto quay = parsed(text_of(files, "etc/registries/quay.io/hosts.toml"));
  CHECK(toml::find<std::string>(quay, "server") == "https://quay.io");
  CHECK(toml::find<std::string>(quay, "ca") == "/run/sublet/etc/ca-quay.io.pem");
  CHECK_FALSE(quay.contains("host"));
}

TEST_CASE("CNI: a bridge with the pods' addresses, by the packet filter at hand", "[cluster]") {
  for (const ProxyMode mode : {ProxyMode::kNftables, ProxyMode::kIptables}) {
    Plan plan = good_plan();
    plan.proxy = mode;
    plan.mtu = 1500;
    const auto json = json_of(containerd_files(plan), "etc/10-sublet.conflist");
    CHECK(json["name"] == "sublet");
    REQUIRE(json["plugins"].size() == 2);
    const auto& bridge = json["plugins"][0];
    CHECK(bridge["type"] == "bridge");
    CHECK(bridge["mtu"] == 1500);
    CHECK(bridge["ipMasq"] == true);
    CHECK(bridge["ipMasqBackend"] == name_of(mode));
    CHECK(bridge["ipam"]["type"] == "host-local");
    REQUIRE(bridge["ipam"]["ranges"].is_array());
    REQUIRE(bridge["ipam"]["ranges"][0].is_array());
    CHECK(bridge["ipam"]["ranges"][0][0] == nlohmann::json{{"subnet", "10.42.0.0/24"}});
    REQUIRE(bridge["ipam"]["routes"].is_array());
    CHECK(bridge["ipam"]["routes"][0]["dst"] == "0.0.0.0/0");
    CHECK(json["plugins"][1]["type"] == "portmap");
    CHECK(json["plugins"][1]["backend"] == name_of(mode));
    CHECK(json["plugins"][1]["capabilities"]["portMappings"] == true);
  }
}

TEST_CASE("containerd: the wrapper learns how many ids there are", "[cluster]") {
  Facts facts = good_facts();
  facts.subuids.clear();
  const Plan plan = good_plan({}, facts);
  const auto settings = oci_settings_from_json(text_of(containerd_files(plan), "oci.json"));
  REQUIRE(settings);
  CHECK(*settings == OciSettings{"/run/components/runc",
                                 true,
                                 1,
                                 true,
                                 bypass::Level::kFast,
                                 {},
                                 kWrapperInside,
                                 cgroups::wanted_controllers()});
  const Service service = containerd_service(plan);
  CHECK(service.fake_ids_limit == 1);
  CHECK(service.env.at(0).ends_with(":/run/components"));
  CHECK(service.readiness.kind == Readiness::Kind::kUnix);
  CHECK(service.readiness.path == kContainerdSocket);
}

}  // namespace
}  // namespace sublet::launcher
