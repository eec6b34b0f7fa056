// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/spec.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "launcher/oci/confine.h"

using namespace sublet::launcher;
using nlohmann::json;

namespace {

const OciSettings kSingle{"/r", true, 1};
const OciSettings kPartial{"/r", true, 2001};
const OciSettings kFull{
    "/r", true, 65537, false, sublet::bypass::Level::kOff, {}, "", {"memory", "cpu", "pids", "cpuset", "io"}};
const OciSettings kFewControllers{"/r", true, 65537, false, sublet::bypass::Level::kOff, {}, "", {"memory", "pids"}};
const OciSettings kCpuset{"/r", true, 65537, false, sublet::bypass::Level::kOff, {}, "", {"memory", "cpuset"}};
const OciSettings kNoCgroups{"/r", false, 65537};
const OciSettings kConfined{"/r", true, 65537, false, sublet::bypass::Level::kOff, {0, 2, 3}, "/w"};

json parse(const char* text) {
  json value = json::parse(text, nullptr, false);
  REQUIRE_FALSE(value.is_discarded());
  return value;
}

struct Row {
  const char* what;
  OciSettings settings;
  const char* before;
  const char* after;  // nullptr: unchanged
};

const Row kRows[] = {
    {"nothing to do", kFull,
     R"({"ociVersion":"1.2.1","process":{"user":{"uid":1000,"gid":1000,"additionalGids":[5]}},"mounts":[],
         "linux":{"resources":{},"cgroupsPath":"/x"}})",
     nullptr},
    {"some CPUs: a hook, after those that are there, and what is executed later", kConfined,
     R"({"process":{},"hooks":{"createRuntime":[{"path":"/x"}]}})",
     R"({"process":{"execCPUAffinity":{"final":"0,2-3"}},"hooks":{"createRuntime":[{"path":"/x"},
         {"path":"/w","args":["sublet-oci","sublet-confine","0,2-3"],"timeout":10}]}})"},
    {"some CPUs: a container's own choice stays", kConfined,
     R"({"process":{"execCPUAffinity":{"initial":"3"}},"hooks":null})",
     R"({"process":{"execCPUAffinity":{"initial":"3"}},"hooks":{"createRuntime":[
         {"path":"/w","args":["sublet-oci","sublet-confine","0,2-3"],"timeout":10}]}})"},
    {"an empty configuration", kSingle, "{}", nullptr},
    {"members that Go wrote as null", kSingle, R"({"process":null,"mounts":null,"linux":null})", nullptr},
    {"single UID: another user becomes 0, without capabilities", kSingle,
     R"({"process":{"user":{"uid":999,"gid":999,"umask":18,"additionalGids":[999,0]},
         "capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_CHOWN"],"permitted":["CAP_CHOWN"]}}})",
     R"({"process":{"user":{"uid":0,"gid":0,"umask":18},
         "capabilities":{"bounding":[],"effective":[],"inheritable":[],"permitted":[]}}})"},
    {"single UID: root keeps its capabilities", kSingle,
     R"({"process":{"user":{"uid":0,"gid":0,"additionalGids":[0,10]},"capabilities":{"bounding":["CAP_CHOWN"]}}})",
     R"({"process":{"user":{"uid":0,"gid":0},"capabilities":{"bounding":["CAP_CHOWN"]}}})"},
    {"ambient capabilities are what an ordinary user would have", kSingle,
     R"({"process":{"user":{"uid":7,"gid":0},
         "capabilities":{"bounding":["CAP_CHOWN","CAP_NET_RAW"],"ambient":["CAP_NET_RAW"]}}})",
     R"({"process":{"user":{"uid":0,"gid":0},"capabilities":{"bounding":["CAP_NET_RAW"],"effective":["CAP_NET_RAW"],
         "inheritable":["CAP_NET_RAW"],"permitted":["CAP_NET_RAW"],"ambient":["CAP_NET_RAW"]}}})"},
    {"partial range: what is mapped stays", kPartial,
     R"({"process":{"user":{"uid":2000,"gid":2000,"additionalGids":[2000,2001,33]}}})",
     R"({"process":{"user":{"uid":2000,"gid":2000,"additionalGids":[2000,33]}}})"},
    {"partial range: nobody", kPartial, R"({"process":{"user":{"uid":65534,"gid":65534}}})",
     R"({"process":{"user":{"uid":0,"gid":0}}})"},
    {"partial range: a group alone takes no capabilities", kPartial,
     R"({"process":{"user":{"uid":0,"gid":65534},"capabilities":{"bounding":["CAP_CHOWN"]}}})",
     R"({"process":{"user":{"uid":0,"gid":0},"capabilities":{"bounding":["CAP_CHOWN"]}}})"},
    {"full range: ids beyond 16 bits", kFull, R"({"process":{"user":{"uid":1000680000,"gid":0}}})",
     R"({"process":{"user":{"uid":0,"gid":0}}})"},
    {"mount options: unmapped ids go", kSingle,
     R"({"mounts":[{"destination":"/dev/pts","type":"devpts","options":["nosuid","mode=0620","gid=5"]},
         {"destination":"/x","options":["uid=0","gid=0","uid=1"]},{"destination":"/proc"}]})",
     R"({"mounts":[{"destination":"/dev/pts","type":"devpts","options":["nosuid","mode=0620"]},
         {"destination":"/x","options":["uid=0","gid=0"]},{"destination":"/proc"}]})"},
    {"mount options: mapped ids and what only looks alike stay", kPartial,
     R"({"mounts":[{"options":["gid=5","uid=tenant","guid=9999999","gid="]}]})", nullptr},
    {"mount options: partial range", kPartial, R"({"mounts":[{"options":["gid=2001","uid=2000"]}]})",
     R"({"mounts":[{"options":["uid=2000"]}]})"},
    {"ping: the range is cut", kSingle, R"({"linux":{"sysctl":{"net.ipv4.ping_group_range":"0 2147483647"}}})",
     R"({"linux":{"sysctl":{"net.ipv4.ping_group_range":"0 0"}}})"},
    {"ping: a range outside goes", kPartial,
     R"({"linux":{"sysctl":{"net.ipv4.ping_group_range":"5000\t6000","net.ipv4.ip_unprivileged_port_start":"0"}}})",
     R"({"linux":{"sysctl":{"net.ipv4.ip_unprivileged_port_start":"0"}}})"},
    {"ping: «nobody», and nonsense, stay", kPartial, R"({"linux":{"sysctl":{"net.ipv4.ping_group_range":"1 0"}}})",
     nullptr},
    {"no cgroups: limits and path go, the mount and the namespace stay", kNoCgroups,
     R"({"linux":{"resources":{"memory":{"limit":9}},"cgroupsPath":"/k8s.io/x","namespaces":[{"type":"cgroup"}]},
         "mounts":[{"type":"cgroup","destination":"/sys/fs/cgroup"}]})",
     R"({"linux":{"namespaces":[{"type":"cgroup"}]},"mounts":[{"type":"cgroup","destination":"/sys/fs/cgroup"}]})"},
    {"cgroups: what no controller is there for goes", kFewControllers,
     R"({"linux":{"cgroupsPath":"/kubepods/x","resources":{"cpu":{"shares":512,"quota":5,"cpus":"0"},"pids":{"limit":7},
         "memory":{"limit":9},"blockIO":{"weight":5},"hugepageLimits":[{"pageSize":"2MB","limit":0}],"rdma":{},
         "unified":{"memory.oom.group":"1","cpu.idle":"1","cgroup.max.depth":"3"},
         "devices":[{"allow":false,"access":"rwm"}]}}})",
     R"({"linux":{"cgroupsPath":"/kubepods/x","resources":{"pids":{"limit":7},"memory":{"limit":9},
         "unified":{"memory.oom.group":"1","cgroup.max.depth":"3"},"devices":[{"allow":false,"access":"rwm"}]}}})"},
    {"cgroups: the CPU's weight and its sets are two controllers", kCpuset,
     R"({"linux":{"resources":{"cpu":{"shares":512,"cpus":"0","mems":"0"}}}})",
     R"({"linux":{"resources":{"cpu":{"cpus":"0","mems":"0"}}}})"},
    {"cgroups: nothing goes that can be done", kFull,
     R"({"linux":{"cgroupsPath":"/x","resources":{"cpu":{"shares":2,"quota":5},"memory":{"limit":9},"pids":{"limit":7},
         "unified":{"memory.high":"5"}}}})",
     nullptr},
    {"numbers, order-free members and unknown parts survive", kNoCgroups,
     R"({"z":9223372036854775807,"a":-1,"b":1.5,"root":{"path":"rootfs","readonly":true}})", nullptr},
};

}  // namespace

TEST_CASE("oci spec: edits by rung", "[oci]") {
  for (const Row& row : kRows) {
    INFO(row.what);
    auto edited = edit_spec(parse(row.before), row.settings);
    REQUIRE(edited);
    CHECK(*edited == parse(row.after == nullptr ? row.before : row.after));
  }
}

TEST_CASE("oci spec: a part of the wrong type is named", "[oci]") {
  const std::pair<const char*, const char*> bad[] = {
      {"[]", "not a JSON object"},
      {R"({"process":[]})", "process is of the wrong type (array)"},
      {R"({"process":{"user":0}})", "process.user is of the wrong type (number)"},
      {R"({"process":{"user":{"uid":"0"}}})", "process.user.uid is of the wrong type (string)"},
      {R"({"process":{"user":{"uid":-1}}})", "process.user.uid is of the wrong type (number)"},
      {R"({"process":{"user":{"uid":0,"additionalGids":[-1]}}})", "process.user.additionalGids holds"},
      {R"({"process":{"user":{"uid":9},"capabilities":[]}})", "process.capabilities is of the wrong type (array)"},
      {R"({"mounts":{}})", "mounts is of the wrong type (object)"},
      {R"({"mounts":[0]})", "mounts holds something that is not an object"},
      {R"({"mounts":[{"options":"ro"}]})", "mounts[].options is of the wrong type (string)"},
      {R"({"mounts":[{"options":[1]}]})", "mounts[].options holds"},
      {R"({"linux":{"sysctl":[]}})", "linux.sysctl is of the wrong type (array)"},
      {R"({"linux":7})", "linux is of the wrong type (number)"},
  };
  for (const auto& [text, message] : bad) {
    INFO(text);
    auto edited = edit_spec(parse(text), kSingle);
    REQUIRE_FALSE(edited);
    CHECK_THAT(edited.error().what, Catch::StartsWith(message));
  }
}

TEST_CASE("oci spec: the process of an exec is edited alike", "[oci]") {
  auto edited = edit_process(parse(R"({"user":{"uid":33,"gid":33},"args":["id"],"capabilities":{}})"), kSingle);
  REQUIRE(edited);
  CHECK((*edited)["user"] == parse(R"({"uid":0,"gid":0})"));
  CHECK((*edited)["args"] == parse(R"(["id"])"));
  CHECK((*edited)["capabilities"]["bounding"] == json::array());
  CHECK_FALSE(edit_process(parse("[]"), kSingle));
}

TEST_CASE("oci spec: hooks of the wrong type, and what is executed on some CPUs", "[oci]") {
  CHECK_FALSE(edit_spec(parse(R"({"hooks":[]})"), kConfined));
  CHECK_FALSE(edit_spec(parse(R"({"hooks":{"createRuntime":{}}})"), kConfined));
  CHECK(*edit_exec(parse(R"({"args":["id"]})"), kConfined) ==
        parse(R"({"args":["id"],"execCPUAffinity":{"final":"0,2-3"}})"));
  CHECK(*edit_exec(parse(R"({"args":["id"]})"), kFull) == parse(R"({"args":["id"]})"));
}

TEST_CASE("confine: binds the process that the runtime names", "[oci]") {
  const sublet::CpuList ours = *sublet::affinity_of();
  const std::string one = std::to_string(ours.back());
  std::thread([&] {
    REQUIRE(confine(one, R"({"ociVersion":"1.2.1","pid":)" + std::to_string(::gettid()) + "}"));
    CHECK(*sublet::affinity_of() == sublet::CpuList{ours.back()});
    // No CPU that there is: left as it was.
    CHECK(confine("16383", R"({"pid":)" + std::to_string(::gettid()) + "}"));
    CHECK(*sublet::affinity_of() == sublet::CpuList{ours.back()});
  }).join();
  for (const char* state : {"", "[]", "{}", R"({"pid":"1"})", R"({"pid":-1})", R"({"pid":2147483647})"}) {
    INFO(state);
    CHECK_FALSE(confine(one, state));
  }
  CHECK_FALSE(confine("all", R"({"pid":1})"));
}
