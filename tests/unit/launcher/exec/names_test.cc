// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/names.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;

namespace {

using Names = std::vector<std::string>;

const NameRules kRules{"cluster.local", "team", {"example.org", "site.example.org"}};

}  // namespace

TEST_CASE("names: the forms that a pod has, in its order", "[exec]") {
  struct {
    const char* name;
    Names candidates;
  } const cases[] = {
      {"web", {"web.team.svc.cluster.local"}},
      {"web.other", {"web.other.team.svc.cluster.local", "web.other.svc.cluster.local"}},
      {"db-0.db.other", {"db-0.db.other.svc.cluster.local"}},
      {"web.other.svc", {"web.other.svc.cluster.local"}},
      {"db-0.db.other.svc", {"db-0.db.other.svc.cluster.local"}},
      {"10-42-0-7.other.pod", {"10-42-0-7.other.pod.cluster.local"}},
      {"_http._tcp.web", {"_http._tcp.web.team.svc.cluster.local"}},
      {"_http._tcp.web.other.svc", {"_http._tcp.web.other.svc.cluster.local"}},
      {"a.b.c.d", {}},
      {"other.svc", {}},
      {"svc", {}},
      {"", {}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const ClusterNames names = cluster_names(c.name, kRules);
    CHECK(names.candidates == c.candidates);
    CHECK_FALSE(names.exclusive);
  }
}

TEST_CASE("names: the cluster's own domain is nobody else's", "[exec]") {
  for (const char* name : {"cluster.local", "web.team.svc.cluster.local", "no.such.name.cluster.local"}) {
    CAPTURE(name);
    const ClusterNames names = cluster_names(name, kRules);
    CHECK(names.candidates == Names{name});
    CHECK(names.exclusive);
  }
  CHECK_FALSE(cluster_names("notcluster.local", kRules).exclusive);
}

TEST_CASE("names: what a resolver has put behind is taken off", "[exec]") {
  CHECK(cluster_names("web.example.org", kRules).candidates ==
        Names{"web.example.org.svc.cluster.local", "web.team.svc.cluster.local"});
  CHECK(cluster_names("web.other.svc.example.org", kRules).candidates == Names{"web.other.svc.cluster.local"});
  CHECK(cluster_names("web.site.example.org", kRules).candidates ==
        Names{"web.site.team.svc.cluster.local", "web.site.svc.cluster.local", "web.team.svc.cluster.local"});
  CHECK(cluster_names("web.team.svc.cluster.local.example.org", kRules).candidates ==
        Names{"web.team.svc.cluster.local"});
  CHECK_FALSE(cluster_names("web.team.svc.cluster.local.example.org", kRules).exclusive);
}

TEST_CASE("names: none becomes longer than DNS has, none has an empty label", "[exec]") {
  CHECK(cluster_names(std::string(240, 'a'), kRules).candidates.empty());
  CHECK(cluster_names("a..b", kRules).candidates.empty());
  CHECK(cluster_names(".web", kRules).candidates.empty());
}
