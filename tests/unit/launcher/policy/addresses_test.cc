// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/addresses.h"

#include <poll.h>

#include "base/fs.h"
#include "launcher/policy/network_policy.h"
#include "tests/unit/launcher/policy/samples.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

const Cidr kPods = *parse_cidr("10.42.0.0/24");

std::string result(const std::string& uid, const std::string& address) {
  return R"({"kind": "cniCacheV1", "cniArgs": [["IgnoreUnknown", "1"], ["K8S_POD_UID", ")" + uid +
         R"("]], "result": {"ips": [{"address": "fd00::7/64"}, {"address": ")" + address + R"("}]}})";
}

}  // namespace

TEST_CASE("addresses: a result of libcni's says whose which is", "[policy]") {
  CHECK(pod_address(result("u-1", "10.42.0.9/24"), kPods) == PodAddress{"u-1", test::ip("10.42.0.9")});
  for (const std::string& other : {result("", "10.42.0.9/24"), result("u-1", "127.0.0.1/8"), result("u-1", "what"),
                                   std::string("{"), std::string("[]"), std::string(R"({"result": {"ips": 7}})")})
    CHECK_FALSE(pod_address(other, kPods));
}

TEST_CASE("addresses: they follow the directory", "[policy]") {
  auto folder = fs::ScopedTempDir::create();
  REQUIRE(folder);
  const std::string path = folder->path() + "/results";
  REQUIRE(fs::make_directories(path));
  REQUIRE(fs::write_file(path + "/before", result("u-0", "10.42.0.2/24")));
  auto addresses = PodAddresses::watch(path, kPods);
  REQUIRE(addresses);
  CHECK(addresses->all().size() == 1);
  REQUIRE(fs::write_file(path + "/one", result("u-1", "10.42.0.3/24")));
  pollfd poll{addresses->fd(), POLLIN, 0};
  CHECK(::poll(&poll, 1, 1000) == 1);
  addresses->update();
  CHECK(addresses->all() ==
        std::map<std::string, IpAddress>{{"u-0", test::ip("10.42.0.2")}, {"u-1", test::ip("10.42.0.3")}});
  REQUIRE(std::remove((path + "/before").c_str()) == 0);
  addresses->update();
  CHECK(addresses->all().size() == 1);
}

TEST_CASE("settings: of the enforcer, there and back", "[policy]") {
  const PolicySettings settings{"ca", "cert", "key", "https://127.0.0.1:1", "10.42.0.0/24", true};
  auto again = policy_settings_from_json(to_json(settings));
  REQUIRE(again);
  CHECK(*again == settings);
  CHECK_FALSE(policy_settings_from_json("{}"));
  CHECK_FALSE(policy_settings_from_json("7"));
}
