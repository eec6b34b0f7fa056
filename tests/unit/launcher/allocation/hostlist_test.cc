// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/hostlist.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace sublet::launcher {

TEST_CASE("hostlist: every form is written out", "[allocation]") {
  using Hosts = std::vector<std::string>;
  struct Row {
    const char* text;
    Hosts hosts;
  };
  const std::vector<Row> rows = {
      {"n1", {"n1"}},
      {"login.example.org", {"login.example.org"}},
      {"n1,n2,other", {"n1", "n2", "other"}},
      {"n[1-3,7]", {"n1", "n2", "n3", "n7"}},
      {"n[08-11]", {"n08", "n09", "n10", "n11"}},
      {"n[8-11]", {"n8", "n9", "n10", "n11"}},
      {"m[001-002]-ib[0,2]", {"m001-ib0", "m001-ib2", "m002-ib0", "m002-ib2"}},
      {"n[1-2],m[001-002]-ib0,x", {"n1", "n2", "m001-ib0", "m002-ib0", "x"}},
      {"r[1-2]c[1-2]n[01]s", {"r1c1n01s", "r1c2n01s", "r2c1n01s", "r2c2n01s"}},
      {"[1-2]", {"1", "2"}},
      {"[0-1]a", {"0a", "1a"}},
      {"n[5]", {"n5"}},
      {"nid[000998-001001]", {"nid000998", "nid000999", "nid001000", "nid001001"}},
      {"n2,n1,n2", {"n2", "n1", "n2"}},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    auto hosts = expand_hostlist(row.text);
    REQUIRE(hosts);
    CHECK(*hosts == row.hosts);
  }
}

TEST_CASE("hostlist: what is malformed or endless is refused at once", "[allocation]") {
  const std::vector<std::string> rows = {
      "",
      ",",
      "n1,",
      ",n1",
      "n1,,n2",
      "n[",
      "n]",
      "n[]",
      "n[1",
      "n[1-]",
      "n[-1]",
      "n[3-1]",
      "n[a-c]",
      "n[1-2-3]",
      "n[1,]",
      "n[[1]]",
      "n[1]]",
      "n 1",
      "n\n1",
      "n\x1b[1m",
      std::string("n\0m", 3),
      "../x",
      "n/1",
      "$(reboot)",
      "n[1-999999999]",
      "n[1-65537]",
      "[0-65535],x",
      "n[1-300][1-300]",
      "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]",
      "n[1-99999999999999999999]",
      "n[18446744073709551615-18446744073709551616]",
      std::string(300, 'n'),
      std::string(std::size_t{2} << 20, ','),
      "n[0-65535,0-65535]",
  };
  const auto began = std::chrono::steady_clock::now();
  for (const std::string& row : rows) {
    INFO(row.substr(0, 40));
    CHECK_FALSE(expand_hostlist(row));
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(2));
}

TEST_CASE("hostlist: the most that is allowed is allowed", "[allocation]") {
  auto hosts = expand_hostlist("n[1-65536]");
  REQUIRE(hosts);
  CHECK(hosts->size() == kMostHosts);
  CHECK(hosts->back() == "n65536");
  CHECK(expand_hostlist("n[1-3]", 3));
  CHECK_FALSE(expand_hostlist("n[1-3]", 2));
  CHECK_FALSE(expand_hostlist("a,b,c", 2));
}

TEST_CASE("idset: ids as written", "[allocation]") {
  using Ids = std::vector<std::uint32_t>;
  CHECK(*expand_idset("0-3,8") == Ids{0, 1, 2, 3, 8});
  CHECK(*expand_idset("7") == Ids{7});
  for (const char* bad : {"", "a", "3-1", "1-", "0-999999999", "4294967296", "1 2"}) {
    INFO(bad);
    CHECK_FALSE(expand_idset(bad));
  }
}

TEST_CASE("counts: repeated ones are written out", "[allocation]") {
  using Counts = std::vector<std::uint32_t>;
  CHECK(*expand_counts("2(x3),1") == Counts{2, 2, 2, 1});
  CHECK(*expand_counts("128") == Counts{128});
  CHECK(*expand_counts("1,2,3(x1)") == Counts{1, 2, 3});
  for (const char* bad : {"", ",", "2(x", "2(x3", "2(x0)", "2(x-1)", "(x3)", "x", "2(x999999999)", "2(3)", "-1",
                          "99999999999", "1,", "2(x3)1"}) {
    INFO(bad);
    CHECK_FALSE(expand_counts(bad));
  }
}

TEST_CASE("hosts: short and long names are of the same host", "[allocation]") {
  CHECK(same_host("n1", "n1"));
  CHECK(same_host("n1.example.org", "n1"));
  CHECK(same_host("n1", "n1.example.org"));
  CHECK_FALSE(same_host("n1.a", "n1.b"));
  CHECK_FALSE(same_host("n1", "n10"));
  CHECK_FALSE(same_host("", ""));
}

}  // namespace sublet::launcher
