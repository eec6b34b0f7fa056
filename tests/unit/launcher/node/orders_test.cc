// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/orders.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;
namespace netns = sublet::netns;

namespace {

NodeOrders orders() {
  NodeOrders orders;
  orders.hostname = "node-1";
  orders.state_dir = "/tmp/sublet-1000/local-default";
  orders.mounts = {{MountStep::Kind::kTmpfs, "mode=755", "/run", "", false}};
  orders.link.network =
      *netns::make_tap_orders(*sublet::parse_cidr("10.0.2.0/24"), std::nullopt, 65520, "nameserver 1.1.1.1\n");
  Service service;
  service.name = "etcd";
  service.argv = {"/bin/etcd"};
  orders.services = {service};
  orders.bypass = orders.cgroup = true;
  return orders;
}

}  // namespace

TEST_CASE("orders: survive the way through text", "[node]") {
  auto back = orders_from_text(to_text(orders()));
  REQUIRE(back);
  CHECK(to_text(*back) == to_text(orders()));
  CHECK(back->cgroup);
}

TEST_CASE("orders: what is no orders is refused", "[node]") {
  for (const char* text : {"", "[]", "{", "{\"hostname\":1}", "null"}) CHECK_FALSE(orders_from_text(text));
}

TEST_CASE("orders: reports and requests survive the way through text", "[node]") {
  NodeReport report{NodeReport::Kind::kService, {"a", "b"}, "etcd", "ended", "exit status 1", "try again", 42};
  auto back = report_from_text(to_text(report));
  REQUIRE(back);
  CHECK(to_text(*back) == to_text(report));
  CHECK(back->pid == 42);
  NodeRequest ready{NodeRequest::Kind::kReady, "kube-apiserver"};
  CHECK(request_from_text(to_text(ready))->service == "kube-apiserver");
  const auto restart = request_from_text(to_text(NodeRequest{NodeRequest::Kind::kRestart, "coredns"}));
  REQUIRE(restart);
  CHECK(restart->kind == NodeRequest::Kind::kRestart);
  CHECK(restart->service == "coredns");
  const auto stop = request_from_text(to_text(NodeRequest{NodeRequest::Kind::kStop, ""}));
  CHECK(stop->kind == NodeRequest::Kind::kStop);
  CHECK_FALSE(stop->pods_grace);
  const auto soon = request_from_text(to_text(NodeRequest{NodeRequest::Kind::kStop, "", std::chrono::milliseconds(0)}));
  CHECK(soon->pods_grace == std::chrono::milliseconds(0));
  const auto halt = request_from_text(to_text(NodeRequest{NodeRequest::Kind::kHalt, "kube-scheduler"}));
  CHECK(halt->kind == NodeRequest::Kind::kHalt);
  CHECK(halt->service == "kube-scheduler");
  CHECK_FALSE(request_from_text(R"({"do": "stop", "service": "", "pods_grace_ms": -1})"));
  CHECK_FALSE(request_from_text("{\"do\":\"dance\"}"));
  CHECK_FALSE(report_from_text("{\"kind\":\"rumour\"}"));
}

TEST_CASE("orders: a report with bytes that are no UTF-8 still gets through", "[node]") {
  NodeReport report{NodeReport::Kind::kFailed, {}, {}, {}, "bad \xff byte", {}, 0};
  CHECK(report_from_text(to_text(report)).has_value());
}
