// SPDX-License-Identifier: Apache-2.0
// Records, announcements and orders as JSON, there and back, and what is refused.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "bypass/announcement.h"
#include "bypass/orders.h"
#include "bypass/record.h"
#include "bypass/report.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

const Record kRecord{"0f9f6a7e-uid", "default", "web-0", "nginx", "abc123", Level::kFast, true};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("record: there and back", "[bypass]") {
  CHECK(record_from_json(to_json(kRecord)).value() == kRecord);
  CHECK(record_from_json(to_json(Record{})).value() == Record{});
  Record off = kRecord;
  off.level = Level::kOff;
  CHECK(record_from_json(to_json(off)).value() == off);
}

TEST_CASE("record: what is no record is refused", "[bypass]") {
  const std::string good = to_json(kRecord);
  for (const std::string& bad :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"), good.substr(1), good + "x",
        replaced(good, "\"podName\"", "\"podname\""), replaced(good, "\"web-0\"", "7"),
        replaced(good, "\"web-0\"", "\"" + std::string(254, 'x') + "\""), replaced(good, "\"fast\"", "\"faster\""),
        replaced(good, "\"fast\"", "1"), replaced(good, "true", "\"true\""), replaced(good, "{", "{\"more\":1,")}) {
    INFO(bad);
    CHECK_FALSE(record_from_json(bad));
  }
  CHECK(record_from_json(replaced(good, "\"web-0\"", "\"" + std::string(253, 'x') + "\"")));
}

TEST_CASE("record: a name that is not UTF-8 is written all the same", "[bypass]") {
  Record odd = kRecord;
  odd.container = "a\xff\xfe";
  CHECK(record_from_json(to_json(odd)));
}

TEST_CASE("level: by name", "[bypass]") {
  CHECK(level_from("off").value() == Level::kOff);
  CHECK(level_from("fast").value() == Level::kFast);
  CHECK(level_from("fast-udp").value() == Level::kFastUdp);
  for (const char* bad : {"", "on", "FAST", "fast "}) CHECK_FALSE(level_from(bad));
}

TEST_CASE("announcement: there and back, and what is refused", "[bypass]") {
  for (std::uint32_t number : {1U, 4294967295U}) {
    const Announcement announcement{number, kRecord};
    CHECK(announcement_from_json(to_json(announcement)).value() == announcement);
  }
  const std::string record = to_json(kRecord);
  for (const std::string& bad :
       {std::string("{}"), std::string("known"), "{\"number\":0,\"record\":" + record + "}",
        "{\"number\":-1,\"record\":" + record + "}", "{\"number\":4294967296,\"record\":" + record + "}",
        "{\"number\":\"1\",\"record\":" + record + "}", std::string("{\"number\":1,\"record\":{}}"),
        std::string("{\"number\":1}"), "{\"number\":1,\"record\":" + record + ",\"more\":0}"}) {
    INFO(bad);
    CHECK_FALSE(announcement_from_json(bad));
  }
}

TEST_CASE("orders: there and back, and what is refused", "[bypass]") {
  BrokerOrders orders{
      "eth0", {*parse_cidr("10.42.0.0/16"), *parse_cidr("fd42::/48")}, {*parse_cidr("192.0.2.0/24")}, true};
  CHECK(broker_orders_from_json(to_json(orders)).value() == orders);
  CHECK(broker_orders_from_json(to_json(BrokerOrders{})).value() == BrokerOrders{});
  for (const char* bad :
       {"", "[]", "{\"device\":1}", "{\"cluster\":\"10.0.0.0/8\"}", "{\"cluster\":[1]}",
        "{\"cluster\":[\"10.0.0.1/8\"]}", "{\"denied\":[\"nonsense\"]}", "{\"podsHaveIpv6\":1}", "{\"other\":true}"}) {
    INFO(bad);
    CHECK_FALSE(broker_orders_from_json(bad));
  }
}

TEST_CASE("report: pods, those that ended, and the sum of both", "[bypass]") {
  auto pod = std::make_shared<Pod>(kRecord, UniqueFd(), 7);
  pod->counters.sockets = 5;
  pod->counters.connections = 4;
  pod->counters.failed = 1;
  pod->counters.handed = 9;
  pod->counters.relayed = 8;
  pod->counters.waiting = 7;
  pod->counters.count(Reason::kLoopback);
  Counters ended;
  ended.sockets = 2;
  ended.handed = 1;
  ended.refused = 3;
  ended.lost = 4;
  ended.count(Reason::kLoopback);
  ended.count(Reason::kServer);
  const std::string text = report_as_json("eth0", 3, {pod}, ended, nlohmann::json::array());
  CHECK(text ==
        R"({"device":"eth0","ended":{"connections":0,"datagrams":0,"failed":0,)"
        R"("inward":{"handed":1,"lost":4,"refused":3,"relayed":0,"waiting":0},"left":{"loopback":1,"server":1},)"
        R"("sockets":2},"listeners":3,"pods":[{"connections":4,"datagrams":0,"failed":1,)"
        R"("inward":{"handed":9,"lost":0,"refused":0,"relayed":8,"waiting":7},"left":{"loopback":1},"level":)"
        R"("fast","namespace":"default","pod":"web-0","sockets":5,"uid":"0f9f6a7e-uid"}],"ports":[],"schema":1,)"
        R"("total":{"connections":4,"datagrams":0,"failed":1,)"
        R"("inward":{"handed":10,"lost":4,"refused":3,"relayed":8,"waiting":7},)"
        R"("left":{"loopback":2,"server":1},"sockets":7}})");
}
