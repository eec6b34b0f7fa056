// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"
#include "tests/unit/launcher/cluster/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

// "server block/directive words", from the Corefile's braces; "" if they do not match.
std::vector<std::string> directives(const std::string& corefile) {
  std::vector<std::string> found;
  std::vector<std::string> path;
  for (const std::string& line : lines(corefile)) {
    std::string text(trim(line));
    if (text == "}") {
      REQUIRE_FALSE(path.empty());
      path.pop_back();
      continue;
    }
    const bool opens = text.ends_with('{');
    if (opens) text = std::string(trim(std::string_view(text).substr(0, text.size() - 1)));
    found.push_back(join(path, "/") + (path.empty() ? "" : "/") + text);
    if (opens) path.push_back(text);
  }
  REQUIRE(path.empty());
  return found;
}

bool has(const std::vector<std::string>& found, const std::string& what) {
  return std::ranges::find(found, what) != found.end();
}

const std::string kCluster = "cluster.local:53 in-addr.arpa:53 ip6.arpa:53";

TEST_CASE("coredns: with a tap what is not the cluster's is asked outside", "[cluster]") {
  const auto files = coredns_files(good_plan(), sample_pki());
  const auto found = directives(text_of(files, "etc/Corefile"));
  CHECK(has(found, kCluster + "/kubernetes cluster.local in-addr.arpa ip6.arpa"));
  CHECK(has(found, kCluster + "/kubernetes cluster.local in-addr.arpa ip6.arpa/kubeconfig "
                              "/run/sublet/etc/coredns.kubeconfig"));
  CHECK(has(found, ".:53/forward . 10.0.2.3"));
  // Of the cluster's block only reverse names fall through, to the same server.
  CHECK(has(found, kCluster + "/kubernetes cluster.local in-addr.arpa ip6.arpa/fallthrough in-addr.arpa ip6.arpa"));
  CHECK(has(found, kCluster + "/forward . 10.0.2.3"));
  for (const std::string& line : found) CHECK(line.find("template") == std::string::npos);
}

// A "no such name" that is kept would hide a Service for seconds after it was made.
TEST_CASE("coredns: the cluster's own names are never cached", "[cluster]") {
  const auto found = directives(text_of(coredns_files(good_plan(), sample_pki()), "etc/Corefile"));
  CHECK(has(found, kCluster + "/cache 30/disable success cluster.local"));
  CHECK(has(found, kCluster + "/cache 30/disable denial cluster.local"));
}

TEST_CASE("coredns: without a tap nobody outside is asked", "[cluster]") {
  Plan plan = good_plan();
  plan.tap = false;
  const auto found = directives(text_of(coredns_files(plan, sample_pki()), "etc/Corefile"));
  CHECK(has(found, ".:53/template ANY ANY/rcode NXDOMAIN"));
  for (const std::string& line : found) {
    CHECK(line.find("forward") == std::string::npos);
    CHECK((line.find("template") == std::string::npos || line.starts_with(".:53/")));
  }
}

TEST_CASE("coredns: it answers on the node's address, for the domain of the configuration", "[cluster]") {
  Config config;
  config.cluster_domain = "my.domain";
  const Plan plan = good_plan(config);
  const auto found = directives(text_of(coredns_files(plan, sample_pki()), "etc/Corefile"));
  CHECK(has(found, "my.domain:53 in-addr.arpa:53 ip6.arpa:53/kubernetes my.domain in-addr.arpa ip6.arpa"));
  CHECK(has(found, "my.domain:53 in-addr.arpa:53 ip6.arpa:53/bind 10.0.2.100"));
  CHECK(has(found, ".:53/bind 10.0.2.100"));
  const Service service = coredns_service(plan);
  CHECK(flag(service, "-conf") == "/run/sublet/etc/Corefile");
  CHECK(service.readiness.kind == Readiness::Kind::kTcp);
  CHECK(service.readiness.address == "10.0.2.100");
  CHECK(service.readiness.port == 53);
}

}  // namespace
}  // namespace sublet::launcher
