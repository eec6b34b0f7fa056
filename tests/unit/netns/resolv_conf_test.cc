// SPDX-License-Identifier: Apache-2.0
#include "netns/resolv_conf.h"

#include <catch2/catch.hpp>

using namespace sublet;
using namespace sublet::netns;

namespace {
std::vector<IpAddress> ips(const std::vector<const char*>& texts) {
  std::vector<IpAddress> list;
  for (const char* text : texts) list.push_back(*parse_ip(text));
  return list;
}
}  // namespace

TEST_CASE("resolv_conf: nameservers, search and options are read as the C library does", "[netns]") {
  ResolvConf conf = parse_resolv_conf(
      "# comment\n; comment\n\nnameserver 10.1.1.1\nnameserver\t2001:db8::53  \n"
      "domain old.example\nsearch a.example b.example\noptions ndots:2 edns0\noptions rotate\n"
      "sortlist 1.2.3.4\n nameserver 9.9.9.9\n");
  CHECK(conf.nameservers == ips({"10.1.1.1", "2001:db8::53"}));
  CHECK(conf.search == std::vector<std::string>{"a.example", "b.example"});
  CHECK(conf.options == std::vector<std::string>{"ndots:2", "edns0", "rotate"});
}

TEST_CASE("resolv_conf: garbage is skipped, and limits hold", "[netns]") {
  CHECK(parse_resolv_conf("").nameservers.empty());
  CHECK(parse_resolv_conf(std::string("\0\xff\x01 nameserver\n\n\x80", 17)).nameservers.empty());
  CHECK(parse_resolv_conf("nameserver\nnameserver not-an-ip\nnameserver 1.2.3\nnameserver 1.2.3.4.5\n")
            .nameservers.empty());
  ResolvConf conf = parse_resolv_conf(
      "nameserver 1.1.1.1\r\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\nsearch ok.example \x07"
      "bad " +
      std::string(300, 'x') + "\n");
  CHECK(conf.nameservers == ips({"1.1.1.1", "2.2.2.2", "3.3.3.3"}));
  CHECK(conf.search == std::vector<std::string>{"ok.example"});
  std::string many = "search";
  for (int i = 0; i < 1000; ++i) many += " d" + std::to_string(i) + ".example";
  CHECK(parse_resolv_conf(many).search.size() == 32);
}

TEST_CASE("resolv_conf: inside, the virtual server comes first and reachable further ones follow", "[netns]") {
  struct {
    const char* name;
    const char* host;
    const char* expected;
  } const cases[] = {
      {"one server", "nameserver 10.1.1.1\nsearch x.example\noptions ndots:1\n",
       "nameserver 10.0.2.3\nsearch x.example\noptions ndots:1\n"},
      {"a second one", "nameserver 10.1.1.1\nnameserver 10.1.1.2\n", "nameserver 10.0.2.3\nnameserver 10.1.1.2\n"},
      {"further ones on loopback or link-local are left out",
       "nameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\n", "nameserver 10.0.2.3\n"},
      {"no two alike", "nameserver 10.1.1.1\nnameserver 10.0.2.3\n", "nameserver 10.0.2.3\n"},
      {"nothing", "", "nameserver 10.0.2.3\n"},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    CHECK(resolv_conf_inside(parse_resolv_conf(c.host), ips({"10.0.2.3"})) == c.expected);
  }
  ResolvConf three = parse_resolv_conf("nameserver 10.1.1.1\nnameserver 10.1.1.2\nnameserver 10.1.1.3\n");
  CHECK(resolv_conf_inside(three, ips({"10.0.2.3", "fd00::3"})) ==
        "nameserver 10.0.2.3\nnameserver fd00::3\nnameserver 10.1.1.2\n");
}

TEST_CASE("resolv_conf: libslirp is given the host's servers, or the resolver's default", "[netns]") {
  CHECK(resolv_conf_for_driver(parse_resolv_conf("nameserver 127.0.0.53\nnameserver fe80::1%eth0\nsearch x\n")) ==
        "nameserver 127.0.0.53\nnameserver fe80::1%eth0\n");
  CHECK(resolv_conf_for_driver(parse_resolv_conf("junk")) == "nameserver 127.0.0.1\n");
  CHECK(has_v4_nameserver(parse_resolv_conf("")));
  CHECK_FALSE(has_v4_nameserver(parse_resolv_conf("nameserver 2001:db8::1\n")));
  CHECK(has_v6_nameserver(parse_resolv_conf("nameserver 10.0.0.1\nnameserver 2001:db8::1\n")));
}
