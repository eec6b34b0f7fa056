// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/table.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

ServiceObject service(const std::string& name, const json& spec, const json& annotations = json::object()) {
  return service_object_from_json(
      {{"metadata", {{"namespace", "n"}, {"name", name}, {"uid", "uid-" + name}, {"annotations", annotations}}},
       {"spec", spec}});
}

json slice_of(const std::string& name, json ports, json endpoints, const char* type = "IPv4") {
  return {{"metadata", {{"namespace", "n"}, {"name", name + "-1"}, {"labels", {{"kubernetes.io/service-name", name}}}}},
          {"addressType", type},
          {"ports", std::move(ports)},
          {"endpoints", std::move(endpoints)}};
}

json endpoint(const char* address, const char* uid, json conditions = json::object()) {
  return {
      {"addresses", {address}}, {"conditions", std::move(conditions)}, {"targetRef", {{"kind", "Pod"}, {"uid", uid}}}};
}

// "address:port/uid" of each, with "!" where isolated.
std::string endpoints(const WantedPort& port) {
  std::string all;
  for (const auto& each : port.host.endpoints)
    all += (all.empty() ? "" : " ") + each.address.text() + ":" + std::to_string(each.port) + "/" + each.pod_uid +
           (each.isolated ? "!" : "");
  return all;
}

std::vector<WantedPort> compiled(const ServiceWorld& world, const std::vector<Exposed>& exposed = {},
                                 const PortSettings& settings = {},
                                 const std::map<std::string, std::uint16_t>& last = {}) {
  return wanted_ports(world, exposed, settings, last);
}

const json kWeb = {{"type", "NodePort"}, {"ports", {{{"port", 80}, {"nodePort", 30080}}}}};

}  // namespace

TEST_CASE("ports: a NodePort gets its own number, a LoadBalancer the Service's, with its NodePort beside it",
          "[services]") {
  ServiceWorld world;
  world.services = {
      service("web", kWeb),
      service("lb", {{"type", "LoadBalancer"}, {"ports", {{{"name", "http"}, {"port", 8080}, {"nodePort", 30081}}}}}),
      service("inner", {{"type", "ClusterIP"}, {"ports", {{{"port", 80}}}}}),
      service("else",
              {{"type", "LoadBalancer"}, {"loadBalancerClass", "example.org/metal"}, {"ports", {{{"port", 9000}}}}}),
      service("name", {{"type", "ExternalName"}, {"externalName", "db.example.org"}})};
  const auto ports = compiled(world);
  REQUIRE(ports.size() == 3);
  CHECK(ports[0].host.key == "NodePort n/web:80");
  CHECK(ports[0].host.wanted == 30080);
  CHECK(ports[1].host.key == "NodePort n/lb:8080");
  CHECK(ports[1].host.wanted == 30081);
  CHECK(ports[2].host.key == "LoadBalancer n/lb:8080");
  CHECK(ports[2].host.wanted == 8080);
  CHECK(ports[2].port_name == "http");
  for (const auto& each : ports) {
    CHECK(each.error.empty());
    CHECK_FALSE(each.host.open);
    CHECK(each.host.endpoints.empty());
  }
}

TEST_CASE("ports: those under 1024 are shifted where there is an offset, and told of where that leads nowhere",
          "[services]") {
  ServiceWorld world;
  world.services = {service("lb", {{"type", "LoadBalancer"}, {"ports", {{{"port", 80}}}}}),
                    service("high", {{"type", "LoadBalancer"}, {"ports", {{{"port", 1024}}}}})};
  const struct { std::uint16_t offset, low, high; } cases[] = {{0, 80, 1024}, {8000, 8080, 1024}, {64511, 64591, 1024}};
  for (const auto& c : cases) {
    const auto ports = compiled(world, {{"n", "lb", 80, 81}}, {c.offset, false});
    CHECK(ports[0].host.wanted == 81 + c.offset);  // expose, too
    CHECK(ports[1].host.wanted == c.low);
    CHECK(ports[2].host.wanted == c.high);
  }
  world.services = {service("lb", {{"type", "LoadBalancer"}, {"ports", {{{"port", 1023}}}}})};
  CHECK_FALSE(compiled(world, {}, {64513, false})[0].error.empty());
}

TEST_CASE("ports: what is not TCP is told of and not asked for", "[services]") {
  ServiceWorld world;
  world.services = {service("dns", {{"type", "NodePort"},
                                    {"ports",
                                     {{{"name", "u"}, {"port", 53}, {"protocol", "UDP"}, {"nodePort", 30053}},
                                      {{"name", "t"}, {"port", 53}, {"protocol", "TCP"}, {"nodePort", 30053}},
                                      {{"name", "s"}, {"port", 54}, {"protocol", "SCTP"}, {"nodePort", 30054}}}}})};
  const auto ports = compiled(world);
  REQUIRE(ports.size() == 3);
  CHECK(ports[0].error.find("UDP") != std::string::npos);
  CHECK(ports[1].error.empty());
  CHECK(ports[2].error.find("SCTP") != std::string::npos);
  CHECK(ports[0].host.key != ports[1].host.key);
  CHECK(ports[1].only_one);
}

TEST_CASE("ports: endpoints are those of the port's name, ready; or ending and serving if none is", "[services]") {
  const json ready = {{"ready", true}};
  const json starting = {{"ready", false}, {"serving", false}, {"terminating", false}};
  const json ending = {{"ready", false}, {"serving", true}, {"terminating", true}};
  const json over = {{"ready", false}, {"serving", false}, {"terminating", true}};
  const struct {
    json endpoints;
    const char* expected;
  } cases[] = {
      {{endpoint("10.42.0.5", "a", ready), endpoint("10.42.0.6", "b", starting)}, "10.42.0.5:8080/a"},
      {{endpoint("10.42.0.6", "b"), endpoint("10.42.0.5", "a")}, "10.42.0.5:8080/a 10.42.0.6:8080/b"},
      {{endpoint("10.42.0.5", "a", ending), endpoint("10.42.0.6", "b", ready)}, "10.42.0.6:8080/b"},
      {{endpoint("10.42.0.5", "a", ending), endpoint("10.42.0.6", "b", starting)}, "10.42.0.5:8080/a"},
      {{endpoint("10.42.0.5", "a", over)}, ""},
      {{endpoint("10.42.0.5", "a", {{"ready", false}, {"serving", true}})}, ""},
      {json::array(), ""},
      {{endpoint("nonsense", "a")}, ""},
  };
  for (const auto& c : cases) {
    INFO(c.endpoints.dump());
    ServiceWorld world;
    world.services = {service("web", kWeb)};
    // Another port of the slice, another Service's slice: not ours.
    world.slices = {slice_object_from_json(
                        slice_of("web", {{{"name", ""}, {"port", 8080}}, {{"name", "x"}, {"port", 1}}}, c.endpoints)),
                    slice_object_from_json(slice_of("other", {{{"port", 8080}}}, {endpoint("10.42.0.9", "z")}))};
    CHECK(endpoints(compiled(world)[0]) == c.expected);
  }
}

TEST_CASE("ports: a named targetPort is each slice's own number, and a pod in two slices counts once", "[services]") {
  ServiceWorld world;
  world.services = {service("web", kWeb)};
  world.slices = {
      slice_object_from_json(slice_of("web", {{{"port", 8080}}}, {endpoint("10.42.0.5", "a")})),
      slice_object_from_json(slice_of("web", {{{"port", 9090}}}, {endpoint("10.42.0.6", "b")})),
      slice_object_from_json(slice_of("web", {{{"port", 8080}}}, {endpoint("10.42.0.5", "a")})),
      slice_object_from_json(slice_of("web", {{{"port", 8080}}}, {endpoint("fd00::5", "a")}, "IPv6")),
  };
  CHECK(endpoints(compiled(world)[0]) == "10.42.0.5:8080/a 10.42.0.6:9090/b");
  world.slices.erase(world.slices.begin(), world.slices.begin() + 3);
  CHECK(endpoints(compiled(world)[0]) == "fd00::5:8080/a");
}

TEST_CASE("ports: without a selector the endpoints are whose somebody made, of no pod", "[services]") {
  ServiceWorld world;
  world.services = {service("web", kWeb)};
  json outside = {{"addresses", {"192.0.2.9"}}};
  world.slices = {slice_object_from_json(slice_of("web", {{{"port", 5432}}}, {outside}))};
  CHECK(endpoints(compiled(world)[0]) == "192.0.2.9:5432/");
}

TEST_CASE("ports: expose is of one port, keeps its number, and says when its Service has gone", "[services]") {
  ServiceWorld world;
  world.services = {service("redis", {{"type", "ClusterIP"}, {"clusterIP", "None"}, {"ports", {{{"port", 6379}}}}})};
  world.slices = {slice_object_from_json(slice_of("redis", {{{"port", 6379}}}, {endpoint("10.42.0.5", "a")}))};
  const std::vector<Exposed> exposed = {{"n", "redis", 6379, 0, true}};
  const auto had = compiled(world, exposed, {}, {{"expose n/redis:6379", 40123}});
  REQUIRE(had.size() == 1);
  CHECK(had[0].host.wanted == 0);
  CHECK(had[0].host.last == 40123);
  CHECK(had[0].host.open);
  CHECK(endpoints(had[0]) == "10.42.0.5:6379/a");  // headless: its endpoints
  CHECK_FALSE(compiled(world, {{"n", "redis", 80, 0, true}})[0].error.empty());
  CHECK_FALSE(compiled(world, {{"m", "redis", 6379, 0, true}})[0].error.empty());
  CHECK_FALSE(compiled({}, exposed)[0].error.empty());
}

TEST_CASE("ports: who may come is the Service's word, else the setting's", "[services]") {
  const struct {
    const char* word;
    bool setting;
    bool open;
  } cases[] = {{"", false, false},     {"", true, true},      {"true", false, true},
               {"false", true, false}, {"yes", false, false}, {"yes", true, true}};
  for (const auto& c : cases) {
    ServiceWorld world;
    world.services = {service("web", kWeb, {{kPublicAnnotation, c.word}})};
    INFO(c.word << c.setting);
    CHECK(compiled(world, {}, {0, c.setting})[0].host.open == c.open);
    // expose says it itself.
    CHECK_FALSE(compiled(world, {{"n", "web", 80, 0, false}}, {0, c.setting})[0].host.open);
  }
}

TEST_CASE("ports: affinity has its time, or the usual three hours", "[services]") {
  const struct {
    json more;
    std::int64_t seconds;
  } cases[] = {
      {json::object(), 0},
      {{{"sessionAffinity", "None"}}, 0},
      {{{"sessionAffinity", "ClientIP"}}, 10800},
      {{{"sessionAffinity", "ClientIP"}, {"sessionAffinityConfig", {{"clientIP", {{"timeoutSeconds", 60}}}}}}, 60},
  };
  for (const auto& c : cases) {
    json spec = kWeb;
    spec.update(c.more);
    ServiceWorld world;
    world.services = {service("web", spec)};
    CHECK(compiled(world)[0].host.affinity == c.seconds);
  }
}

TEST_CASE("ports: a hostPort leads to its pod while that lives", "[services]") {
  const json pod = {{"metadata", {{"namespace", "n"}, {"name", "p"}, {"uid", "u"}}},
                    {"spec",
                     {{"containers",
                       {{{"ports",
                          {{{"containerPort", 80}, {"hostPort", 8080}},
                           {{"containerPort", 81}},
                           {{"containerPort", 82}, {"hostPort", 8082}, {"hostIP", "127.0.0.1"}},
                           {{"containerPort", 83}, {"hostPort", 8083}, {"protocol", "UDP"}},
                           {{"containerPort", 84}, {"hostPort", 8084}, {"hostIP", "0.0.0.0"}},
                           {{"containerPort", 84}, {"hostPort", 8084}, {"hostIP", "::"}},
                           {{"containerPort", 85}, {"hostPort", 8085}, {"hostIP", "nowhere"}}}}}}}}},
                    {"status", {{"podIP", "10.42.0.5"}, {"phase", "Running"}}}};
  ServiceWorld world;
  world.pods = {pod_object_from_json(pod)};
  const auto ports = compiled(world);
  REQUIRE(ports.size() == 5);
  CHECK(ports[0].host.key == "hostPort n/p:8080");
  CHECK(ports[0].host.wanted == 8080);
  CHECK(endpoints(ports[0]) == "10.42.0.5:80/u");
  CHECK(ports[0].error.empty());
  CHECK_FALSE(ports[0].host.address);
  CHECK(ports[1].host.key == "hostPort n/p:8082@127.0.0.1");
  CHECK(ports[1].host.address == parse_ip("127.0.0.1"));
  CHECK(ports[1].error.empty());
  CHECK(ports[2].error.find("UDP") != std::string::npos);
  CHECK(ports[3].host.key == "hostPort n/p:8084");
  CHECK_FALSE(ports[3].host.address);
  CHECK(ports[4].error.find("nowhere") != std::string::npos);
  for (const auto& change : {json{{"status", {{"phase", "Succeeded"}}}}, json{{"status", {{"phase", "Failed"}}}},
                             json{{"status", {{"podIP", nullptr}}}}}) {
    json other = pod;
    other.merge_patch(change);
    world.pods = {pod_object_from_json(other)};
    INFO(change.dump());
    CHECK(compiled(world).empty());
  }
}

TEST_CASE("ports: a pod on the node's network has its ports there, whatever policies say; so have sidecars",
          "[services]") {
  const json metadata = {{"namespace", "n"}, {"name", "p"}, {"uid", "u"}};
  const json container = {{"ports", {{{"containerPort", 80}, {"hostPort", 80}}, {{"containerPort", 81}}}}};
  json sidecar = container;
  sidecar["restartPolicy"] = "Always";
  const json status = {{"podIP", "10.0.2.100"}};
  ServiceWorld world;
  world.policies = {*policy_from_json(
      {{"metadata", {{"namespace", "n"}, {"name", "all"}}}, {"spec", {{"policyTypes", {"Ingress"}}}}})};
  const struct {
    json spec;
    const char* expected;
  } cases[] = {
      {{{"hostNetwork", true}, {"containers", {container}}}, "10.0.2.100:80/u"},
      {{{"containers", {container}}}, "10.0.2.100:80/u!"},
      {{{"initContainers", {sidecar}}}, "10.0.2.100:80/u!"},
      {{{"initContainers", {container}}}, ""},
  };
  for (const auto& c : cases) {
    INFO(c.spec.dump());
    world.pods = {pod_object_from_json({{"metadata", metadata}, {"spec", c.spec}, {"status", status}})};
    const auto ports = compiled(world);
    CHECK((ports.empty() ? "" : endpoints(ports[0])) == c.expected);
  }
}

TEST_CASE("ports: whom a policy lets in by his address, at this port", "[services]") {
  ServiceWorld world;
  world.services = {service("web", kWeb)};
  world.slices = {slice_object_from_json(slice_of("web", {{{"port", 8080}}}, {endpoint("10.42.0.5", "u")}))};
  world.pods = {pod_object_from_json(
      {{"metadata", {{"namespace", "n"}, {"name", "p"}, {"uid", "u"}}},
       {"spec",
        {{"containers",
          {{{"ports",
             {{{"containerPort", 8080}, {"name", "http"}}, {{"containerPort", 9090}, {"name", "more"}}}}}}}}}})};
  const json block = {{"ipBlock", {{"cidr", "192.0.2.0/24"}, {"except", {"192.0.2.8/29"}}}}};
  const json pods = {{"podSelector", json::object()}};
  const auto rule = [](json from, json ports) { return json{{"from", std::move(from)}, {"ports", std::move(ports)}}; };
  const json any = json::array();
  const struct {
    std::vector<json> policies;  // the rules of each
    const char* in;              // of 192.0.2.1, 192.0.2.9, 198.51.100.1, 2001:db8::1
  } cases[] = {
      {{}, "yyyy"},
      {{any}, "----"},
      {{{rule(any, any)}}, "yyyy"},
      {{{rule({pods}, any)}}, "----"},
      {{{rule({block}, any)}}, "y---"},
      {{{rule({pods, block}, any)}}, "y---"},
      {{{rule({block}, {{{"port", 8080}}})}}, "y---"},
      {{{rule({block}, {{{"port", 80}}})}}, "----"},
      {{{rule({block}, {{{"port", 8000}, {"endPort", 8100}}})}}, "y---"},
      {{{rule({block}, {{{"port", "http"}}})}}, "y---"},
      {{{rule({block}, {{{"port", "more"}}})}}, "----"},
      {{{rule({block}, {{{"protocol", "UDP"}, {"port", 8080}}})}}, "----"},
      {{{rule({block}, {{{"protocol", "UDP"}}, {{"protocol", "TCP"}}})}}, "y---"},
      {{any, {rule({block}, any)}}, "y---"},
      {{{rule({{{"ipBlock", {{"cidr", "198.51.100.0/24"}}}}}, any)}, {rule({block}, any)}}, "y-y-"},
      {{{rule({{{"ipBlock", {{"cidr", "2001:db8::/32"}}}}}, any)}}, "---y"},
  };
  for (const auto& c : cases) {
    world.policies.clear();
    std::string said;
    for (const json& rules : c.policies) {
      said += rules.dump() + " ";
      world.policies.push_back(*policy_from_json({{"metadata", {{"namespace", "n"}, {"name", "p"}}},
                                                  {"spec", {{"policyTypes", {"Ingress"}}, {"ingress", rules}}}}));
    }
    INFO(said);
    const auto ports = compiled(world);
    REQUIRE(ports[0].host.endpoints.size() == 1);
    std::string in;
    for (const char* client : {"192.0.2.1", "192.0.2.9", "198.51.100.1", "2001:db8::1"})
      in += admits_stranger(ports[0].host.endpoints[0], *parse_ip(client)) ? "y" : "-";
    CHECK(in == c.in);
    // Of a pod that is not known nobody knows whether the policy is its.
    ServiceWorld early = world;
    early.pods.clear();
    CHECK(admits_stranger(compiled(early)[0].host.endpoints[0], *parse_ip("192.0.2.1")) == c.policies.empty());
  }
}

TEST_CASE("ports: a LoadBalancer's source ranges hold beside what policies say, and its NodePort has none",
          "[services]") {
  const struct {
    json ranges;
    json from;       // of the policy's one rule; null: no policy
    const char* in;  // of 192.0.2.1, 192.0.2.9, 198.51.100.1
  } cases[] = {
      {json::array(), nullptr, "yyy"},
      {{"192.0.2.0/24"}, nullptr, "yy-"},
      {{"192.0.2.0/29", "198.51.100.0/24"}, nullptr, "y-y"},
      {{"nonsense"}, nullptr, "---"},
      // As kube-proxy reads them: the network that the address is in, blanks around it or not.
      {{"192.0.2.77/24"}, nullptr, "yy-"},
      {{" 192.0.2.6/29 ", "nonsense"}, nullptr, "y--"},
      {{"192.0.2.9/24"}, {{{"ipBlock", {{"cidr", "192.0.2.14/29"}}}}}, "-y-"},
      {{"192.0.2.0/24"}, json::array(), "yy-"},
      {{"0.0.0.0/0"}, {{{"ipBlock", {{"cidr", "192.0.2.0/24"}, {"except", {"192.0.2.8/29"}}}}}}, "y--"},
      {{"192.0.2.0/28"}, {{{"ipBlock", {{"cidr", "192.0.2.0/24"}, {"except", {"192.0.2.0/29"}}}}}}, "-y-"},
      {{"198.51.100.0/24"}, {{{"ipBlock", {{"cidr", "192.0.2.0/24"}}}}}, "---"},
  };
  for (const auto& c : cases) {
    INFO(c.ranges.dump() << c.from.dump());
    ServiceWorld world;
    world.services = {service("lb", {{"type", "LoadBalancer"},
                                     {"loadBalancerSourceRanges", c.ranges},
                                     {"ports", {{{"port", 8080}, {"nodePort", 30081}}}}})};
    world.slices = {slice_object_from_json(slice_of("lb", {{{"port", 80}}}, {endpoint("10.42.0.5", "u")}))};
    world.pods = {pod_object_from_json({{"metadata", {{"namespace", "n"}, {"name", "p"}, {"uid", "u"}}}})};
    if (!c.from.is_null())
      world.policies = {
          *policy_from_json({{"metadata", {{"namespace", "n"}, {"name", "p"}}},
                             {"spec", {{"policyTypes", {"Ingress"}}, {"ingress", {{{"from", c.from}}}}}}})};
    const auto ports = compiled(world);
    REQUIRE(ports.size() == 2);
    CHECK(ports[0].kind == PortKind::kNodePort);
    CHECK(ports[0].host.endpoints[0].isolated == !c.from.is_null());
    std::string in;
    for (const char* client : {"192.0.2.1", "192.0.2.9", "198.51.100.1"})
      in += admits_stranger(ports[1].host.endpoints[0], *parse_ip(client)) ? "y" : "-";
    CHECK(in == c.in);
  }
}

TEST_CASE("ports: a pod that a policy of ingress selects is isolated, and so is one that is not known", "[services]") {
  ServiceWorld world;
  world.services = {service("web", kWeb)};
  world.slices = {slice_object_from_json(
      slice_of("web", {{{"port", 80}}},
               {endpoint("10.42.0.5", "held"), endpoint("10.42.0.6", "free"), endpoint("10.42.0.7", "unknown")}))};
  const auto pod = [](const char* uid, const char* role) {
    return pod_object_from_json(
        {{"metadata", {{"namespace", "n"}, {"name", uid}, {"uid", uid}, {"labels", {{"role", role}}}}}});
  };
  world.pods = {pod("held", "db"), pod("free", "web")};
  const auto policy = [](const char* ns, const char* type) {
    return *policy_from_json(
        {{"metadata", {{"namespace", ns}, {"name", "p"}}},
         {"spec", {{"podSelector", {{"matchLabels", {{"role", "db"}}}}}, {"policyTypes", {type}}}}});
  };
  CHECK(endpoints(compiled(world)[0]) == "10.42.0.5:80/held 10.42.0.6:80/free 10.42.0.7:80/unknown");
  world.policies = {policy("n", "Egress"), policy("m", "Ingress")};
  CHECK(endpoints(compiled(world)[0]) == "10.42.0.5:80/held 10.42.0.6:80/free 10.42.0.7:80/unknown");
  world.policies = {policy("n", "Ingress")};
  CHECK(endpoints(compiled(world)[0]) == "10.42.0.5:80/held! 10.42.0.6:80/free 10.42.0.7:80/unknown!");
}

TEST_CASE("ports: what is not as the API has it is left out, and nothing breaks", "[services]") {
  for (const char* text :
       {"null", "[]", "{}", R"({"metadata": 1, "spec": "x", "status": []})", R"({"spec": {"ports": {"port": 1}}})",
        R"({"metadata": {"labels": []}, "endpoints": [1, {"addresses": "x", "conditions": 1}]})",
        R"({"spec": {"type": "NodePort", "ports": [1, {"port": "80", "nodePort": 99999}]}})"}) {
    INFO(text);
    const json object = json::parse(text);
    ServiceWorld world;
    world.services = {service_object_from_json(object)};
    world.slices = {slice_object_from_json(object)};
    world.pods = {pod_object_from_json(object)};
    CHECK(compiled(world).empty());
  }
}
