// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/components.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/fs.h"

namespace sublet::launcher {
namespace {

const std::vector<std::string> kFiles = {"kubelet",
                                         "kube-apiserver",
                                         "kube-controller-manager",
                                         "kube-scheduler",
                                         "kube-proxy",
                                         "kubectl",
                                         "etcd",
                                         "containerd",
                                         "containerd-shim-runc-v2",
                                         "ctr",
                                         "runc",
                                         "coredns",
                                         "cni/bridge",
                                         "cni/loopback",
                                         "cni/host-local",
                                         "cni/portmap",
                                         "device-plugin"};

// A directory of scripts that print a version; Kubernetes' is `kubernetes`.
class FakeBundle {
 public:
  explicit FakeBundle(const std::string& kubernetes = "v1.36.3") {
    REQUIRE(fs::make_directories(path() + "/cni"));
    for (const std::string& file : kFiles) {
      std::string said = file.starts_with("kube") ? "Kubernetes " + kubernetes : file + " version 2.4.2";
      REQUIRE(fs::write_file(path() + "/" + file, "#!/bin/sh\necho '" + said + "'\n", 0755));
    }
  }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  fs::ScopedTempDir directory_ = *fs::ScopedTempDir::create();
};

const ComponentFact& named(const std::vector<ComponentFact>& facts, const std::string& name) {
  for (const ComponentFact& fact : facts)
    if (fact.name == name) return fact;
  FAIL("no component " + name);
  return facts[0];
}

}  // namespace

TEST_CASE("version: out of what the programs print", "[facts]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"Kubernetes v1.36.3\n", "v1.36.3"},
      {"etcd Version: 3.7.3\nGit SHA: Not provided\nGo Version: go1.26.8\n", "3.7.3"},
      {"containerd github.com/containerd/containerd/v2 v2.4.2 \n", "v2.4.2"},
      {"containerd-shim-runc-v2:\n  Version:  v2.4.2\n  Revision: \n", "v2.4.2"},
      {"runc version 1.5.2\nspec: 1.3.0\n", "1.5.2"},
      {"CoreDNS-1.15.0\nlinux/amd64, go1.26.8, \n", "1.15.0"},
      {"CNI bridge plugin v1.9.1\nCNI protocol versions supported: 0.1.0\n", "v1.9.1"},
      {"x 1.37.0-rc.1+build.5.", "1.37.0-rc.1+build.5"},
      {"version 12", ""},
      {"", ""},
      {"v2", ""},
  };
  for (const auto& [output, version] : rows) {
    INFO(output);
    CHECK(find_version(output) == version);
  }
}

TEST_CASE("VERSIONS: name and version a line, all else passed over", "[facts]") {
  auto versions = parse_versions_file("# made by hand\nkubernetes v1.36.3\n\nodd\ntoo many words\netcd\tv3.7.3\n");
  CHECK(versions == std::map<std::string, std::string>{{"kubernetes", "v1.36.3"}, {"etcd", "v3.7.3"}});
}

TEST_CASE("components: a bundle that lists its versions is not asked", "[facts]") {
  FakeBundle bundle("v9.9.9");
  REQUIRE(fs::write_file(bundle.path() + "/VERSIONS", "kubernetes v1.36.9\ncontainerd v2.0.0\n"));
  auto facts = find_components(bundle.path(), VersionLookup::kListed);
  CHECK(facts.size() == 9);
  CHECK(named(facts, "kubernetes").usable.ok);
  CHECK(named(facts, "kubernetes").version == "v1.36.9");
  CHECK(named(facts, "containerd-shim-runc-v2").version == "v2.0.0");
  CHECK(named(facts, "ctr").version == "v2.0.0");
  CHECK(named(facts, "etcd").version.empty());
  CHECK(named(facts, "etcd").usable.ok);
}

TEST_CASE("components: a site's own set is asked", "[facts]") {
  FakeBundle bundle;
  SECTION("Kubernetes always") {
    auto facts = find_components(bundle.path(), VersionLookup::kListed);
    CHECK(named(facts, "kubernetes").version == "v1.36.3");
    CHECK(named(facts, "kubernetes").path == bundle.path() + "/kubelet");
    CHECK(named(facts, "runc").version.empty());
  }
  SECTION("the others on demand") {
    auto facts = find_components(bundle.path(), VersionLookup::kAsk);
    for (const char* name : {"etcd", "containerd", "ctr", "runc", "coredns", "cni"})
      CHECK(named(facts, name).version == "2.4.2");
  }
}

TEST_CASE("components: the host's own OCI runtime stands for runc", "[facts]") {
  FakeBundle bundle;
  const std::string crun = bundle.path() + "/crun";
  REQUIRE(fs::write_file(crun, "#!/bin/sh\necho crun version 1.8.1\n", 0755));
  auto facts = find_components(bundle.path(), VersionLookup::kAsk, crun);
  CHECK(facts.size() == 9);
  CHECK(named(facts, "crun").version == "1.8.1");
  CHECK(named(facts, "crun").path == crun);
  CHECK(named(facts, "crun").usable.ok);
  auto fact = named(find_components(bundle.path(), VersionLookup::kListed, "/nonexistent/crun"), "crun");
  CHECK(fact.usable.reason == "/nonexistent/crun: No such file or directory (components.runtime)");
}

TEST_CASE("components: what is wrong names the file", "[facts]") {
  FakeBundle bundle;
  SECTION("missing") {
    REQUIRE(::unlink((bundle.path() + "/cni/portmap").c_str()) == 0);
    auto fact = named(find_components(bundle.path(), VersionLookup::kListed), "cni");
    CHECK_FALSE(fact.usable.ok);
    CHECK(fact.usable.reason == bundle.path() + "/cni/portmap: No such file or directory");
  }
  SECTION("not executable") {
    REQUIRE(::chmod((bundle.path() + "/runc").c_str(), 0644) == 0);
    auto fact = named(find_components(bundle.path(), VersionLookup::kListed), "runc");
    CHECK(fact.usable.reason == bundle.path() + "/runc: Permission denied");
  }
  SECTION("prints no version") {
    REQUIRE(fs::write_file(bundle.path() + "/kubelet", "#!/bin/sh\necho hello\n", 0755));
    auto fact = named(find_components(bundle.path(), VersionLookup::kListed), "kubernetes");
    CHECK(fact.usable.reason == bundle.path() + "/kubelet --version prints no version");
  }
  SECTION("no directory") {
    auto facts = find_components("/nonexistent", VersionLookup::kAsk);
    CHECK(facts.size() == 9);
    for (const ComponentFact& fact : facts) {
      CHECK_FALSE(fact.usable.ok);
      CHECK(fact.path.empty());
    }
  }
}

TEST_CASE("components: another Kubernetes is refused by name and version", "[facts]") {
  for (const char* version : {"v1.35.7", "v1.37.0", "v1.360.0", "v2.36.1"}) {
    FakeBundle bundle(version);
    auto fact = named(find_components(bundle.path(), VersionLookup::kListed), "kubernetes");
    CHECK_FALSE(fact.usable.ok);
    CHECK(fact.usable.reason == bundle.path() + "/kubelet is Kubernetes " + version + "; this sublet needs v1.36.x");
  }
}

TEST_CASE("versions: as text and as JSON", "[facts]") {
  std::vector<ComponentFact> facts = {{"etcd", "/c/etcd", "v3.7.3", {true, ""}},
                                      {"runc", "", "", {false, "/c/runc: No such file or directory"}}};
  std::string text = versions_as_text(facts);
  CHECK(text.find("etcd                     v3.7.3\n") != std::string::npos);
  CHECK(text.find("runc                     not found: /c/runc: No such file") != std::string::npos);
  auto json = nlohmann::json::parse(versions_as_json(facts), nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["sublet"] == sublet_version());
  CHECK(json["components"][0]["version"] == "v3.7.3");
  CHECK(json["components"][1]["usable"] == false);
}

}  // namespace sublet::launcher
