// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/watch.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"

using namespace sublet;
using namespace sublet::launcher;
using bypass::Level;
using nlohmann::json;

namespace {

const OciSettings kOn{"/opt/runc", false, 1, true, Level::kFast};
const OciSettings kOptIn{"/opt/runc", false, 1, true, Level::kOff};
const OciSettings kNoBroker{"/opt/runc", false, 1, false, Level::kFast};

// As containerd 2 writes it for a container of a pod.
json container_spec() {
  return json::parse(R"({
    "annotations": {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-uid": "u-1",
                    "io.kubernetes.cri.sandbox-namespace": "ns", "io.kubernetes.cri.sandbox-name": "web-0",
                    "io.kubernetes.cri.container-name": "main"},
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/proc/77/ns/net"}],
              "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}})");
}

}  // namespace

TEST_CASE("oci watch: a pod's container is watched under its names", "[oci]") {
  auto plan = plan_watch(container_spec(), "c0ffee", kOn);
  REQUIRE(plan);
  REQUIRE(*plan);
  CHECK(**plan == Watched{{"u-1", "ns", "web-0", "main", "c0ffee", Level::kFast, false}, "/proc/77/ns/net"});
}

TEST_CASE("oci watch: what is not watched, and what is wrong", "[oci]") {
  struct Row {
    const char* what;
    const OciSettings& settings;
    std::function<void(json&)> change;
    bool watched;
  };
  auto annotate = [](const char* value) {
    return [value](json& spec) { spec["annotations"][kBypassAnnotation] = value; };
  };
  auto nothing = [](json&) {};
  const Row rows[] = {
      {"as it is", kOn, nothing, true},
      {"no broker", kNoBroker, nothing, false},
      {"opted out", kOn, annotate("off"), false},
      {"opt-in, not asked for", kOptIn, nothing, false},
      {"opt-in, asked for", kOptIn, annotate("fast"), true},
      {"opt-in, asked for datagrams, too", kOptIn, annotate("fast-udp"), true},
      {"a sandbox", kOn, [](json& s) { s["annotations"]["io.kubernetes.cri.container-type"] = "sandbox"; }, false},
      {"the host's network", kOn, [](json& s) { s["linux"]["namespaces"].erase(1); }, false},
      {"a network of its own", kOn, [](json& s) { s["linux"]["namespaces"][1].erase("path"); }, false},
      {"a listener of its own", kOn, [](json& s) { s["linux"]["seccomp"]["listenerPath"] = "/run/x.sock"; }, false},
      {"no seccomp at all", kOn, [](json& s) { s["linux"].erase("seccomp"); }, true},
      {"no annotations", kOn, [](json& s) { s.erase("annotations"); }, true},
      {"odd types", kOn,
       [](json& s) {
         s["annotations"] = 5;
         s["linux"]["namespaces"] = "x";
       },
       false},
      {"no object", kOn, [](json& s) { s = json::array(); }, false},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    json spec = container_spec();
    row.change(spec);
    auto plan = plan_watch(spec, "c0ffee", row.settings);
    REQUIRE(plan);
    CHECK(plan->has_value() == row.watched);
  }
  json spec = container_spec();
  // What UDP needs is the owner's to allow.
  spec["annotations"][kBypassAnnotation] = "fast-udp";
  OciSettings trusting = kOn;
  trusting.udp = true;
  CHECK(plan_watch(spec, "c0ffee", kOn).value()->record.level == Level::kFast);
  CHECK(plan_watch(spec, "c0ffee", trusting).value()->record.level == Level::kFastUdp);
  spec["annotations"][kBypassAnnotation] = "fats";
  auto plan = plan_watch(spec, "c0ffee", kOn);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().what == "the pod's annotation sublet.dev/bypass: \"fats\" is no level of the bypass");
}

TEST_CASE("oci watch: a record is read back as it was written, and nothing else is", "[oci]") {
  const Watched watched{{"u", "n", "p", "c", "id", Level::kFast, false}, "/proc/1/ns/net"};
  auto read = watched_from_json(to_json(watched));
  REQUIRE(read);
  CHECK(*read == watched);
  for (const char* text : {"", "[]", "{}", R"({"record": 3})", R"({"record": {}})"}) {
    INFO(text);
    CHECK_FALSE(watched_from_json(text));
  }
}

TEST_CASE("oci watch: what is not under a filter costs nothing and leaves nothing", "[oci]") {
  auto dir = take(fs::ScopedTempDir::create());
  auto call = [&](std::vector<std::string> arguments, const OciSettings& settings) {
    return watch(parse_oci_arguments(arguments), settings, dir.path());
  };
  // Not a record: exec goes on as it is; neither is one of a container outside of the directory.
  CHECK(call({"exec", "--process", "/p", "c0ffee"}, kOn));
  CHECK(call({"exec", "../c0ffee"}, kOn));
  CHECK(call({"delete", "--force", "c0ffee"}, kOn));
  CHECK(call({"kill", "c0ffee", "KILL"}, kOn));
  CHECK(call({"--version"}, kOn));
  REQUIRE(fs::write_file(dir.path() + "/c0ffee", "{}"));
  CHECK_FALSE(call({"exec", "c0ffee"}, kOn));  // a record that is none is not passed over
  CHECK(call({"delete", "--force", "c0ffee"}, kOn));
  CHECK_FALSE(fs::exists(dir.path() + "/c0ffee"));
}
