// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/lookup.h"

#include <catch2/catch.hpp>

using namespace sublet::launcher;

namespace {

using Kind = Lookup::Verdict::Kind;

DnsAnswer answer(DnsCode code, std::size_t records = 0) {
  DnsAnswer made;
  made.code = code;
  made.answers.resize(records);
  return made;
}
const DnsAnswer kNobody = answer(DnsCode::kNoName);
const DnsAnswer kYes = answer(DnsCode::kOk, 1);
const DnsAnswer kNothingOfThatType = answer(DnsCode::kOk);

}  // namespace

TEST_CASE("lookup: the cluster has it, whatever the host says, and whoever is first", "[exec]") {
  Lookup cluster_first(1, false);
  cluster_first.cluster_answered(0, kYes);
  CHECK(cluster_first.verdict().kind == Kind::kCluster);
  Lookup host_first(1, false);
  host_first.host_answered("host");
  CHECK(host_first.verdict().kind == Kind::kWait);
  host_first.cluster_answered(0, kYes);
  CHECK(host_first.verdict().kind == Kind::kCluster);
}

TEST_CASE("lookup: the cluster does not have it: the host's answer, when it comes", "[exec]") {
  Lookup lookup(2, false);
  lookup.cluster_answered(0, kNobody);
  CHECK(lookup.verdict().kind == Kind::kWait);
  lookup.cluster_answered(1, answer(DnsCode::kFailure));
  CHECK(lookup.verdict().kind == Kind::kWait);
  lookup.host_answered("host");
  REQUIRE(lookup.verdict().kind == Kind::kHost);
  CHECK(lookup.of_host() == "host");
}

TEST_CASE("lookup: names are tried in order, and one with records comes first", "[exec]") {
  Lookup lookup(3, false);
  lookup.cluster_answered(2, kYes);
  CHECK(lookup.verdict().kind == Kind::kWait);
  lookup.cluster_answered(0, kNobody);
  lookup.cluster_answered(1, kNothingOfThatType);
  REQUIRE(lookup.verdict().kind == Kind::kCluster);
  CHECK(lookup.verdict().candidate == 2);
}

TEST_CASE("lookup: a name that exists without such a record is the cluster's all the same", "[exec]") {
  Lookup lookup(2, false);
  lookup.cluster_answered(0, kNobody);
  lookup.cluster_answered(1, kNothingOfThatType);
  REQUIRE(lookup.verdict().kind == Kind::kCluster);
  CHECK(lookup.verdict().candidate == 1);
}

TEST_CASE("lookup: of the cluster's own domain, its «no» is the answer", "[exec]") {
  Lookup lookup(1, true);
  CHECK(lookup.verdict().kind == Kind::kWait);
  lookup.cluster_answered(0, kNobody);
  CHECK(lookup.verdict().kind == Kind::kCluster);
  Lookup silent(1, true);
  silent.cluster_is_silent();
  CHECK(silent.verdict().kind == Kind::kNoAnswer);
}

TEST_CASE("lookup: a silent cluster keeps nobody from the host's answer", "[exec]") {
  Lookup lookup(2, false);
  lookup.host_answered("host");
  lookup.cluster_answered(1, kNobody);
  lookup.cluster_is_silent();
  CHECK(lookup.verdict().kind == Kind::kHost);
  Lookup none(0, false);
  none.host_answered("host");
  CHECK(none.verdict().kind == Kind::kHost);
}
