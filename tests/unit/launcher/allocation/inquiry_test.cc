// SPDX-License-Identifier: Apache-2.0
#include "launcher/allocation/inquiry.h"

#include <catch2/catch.hpp>

#include "base/strings.h"
#include "samples.h"

namespace sublet::launcher::test {
namespace {

Allocation job_of(const std::string& manager, const std::string& id) {
  Allocation job;
  job.manager = manager;
  job.id = id;
  return job;
}

// `flux resource R` of an instance of two hosts with 8 cores and 2 GPUs each (RFC 20's example form).
constexpr const char* kR =
    R"({"version": 1, "execution": {"R_lite": [{"rank": "0-1", "children": {"core": "0-7", "gpu": "0-1"}}],
  "starttime": 1799990000.0, "expiration": 1800000600.0, "nodelist": ["n[1-2]"]}})";
// Of a job with other parts of each host.
constexpr const char* kParts = R"({"version": 1, "execution": {"R_lite": [{"rank": "3", "children": {"core": "0,2"}},
  {"rank": "5-6", "children": {"core": "0-3"}}], "starttime": 0.0, "expiration": 0.0, "nodelist": ["n4", "m[6-7]"]}})";

}  // namespace

TEST_CASE("inquiry: only where the environment does not say", "[allocation]") {
  Allocation slurm = job_of("slurm", "4711");
  REQUIRE(inquiry_for(slurm));
  CHECK(join(inquiry_for(slurm)->argv, " ") == "squeue --noheader --jobs 4711 --format %A %L");
  slurm.end = kNow;
  CHECK_FALSE(inquiry_for(slurm));
  CHECK(inquiry_for(slurm, true));
  CHECK(join(inquiry_for(job_of("flux", "fABC"))->argv, " ") == "flux job info fABC R");
  CHECK(join(inquiry_for(job_of("flux", "flux-d4cRzg"))->argv, " ") == "flux resource R");
  for (const char* manager : {"none", "pbs", "lsf"}) CHECK_FALSE(inquiry_for(job_of(manager, "1"), true));
}

TEST_CASE("squeue: the line of this very job", "[allocation]") {
  struct Row {
    const char* answer;
    bool understood;
    std::optional<std::int64_t> left;
  };
  const std::vector<Row> rows = {
      {"4711 9:58\n", true, 598},
      {"4711 1-02:03:04\n", true, 93784},
      {"4711 1:00:00\n", true, 3600},
      {"4711 0:00\n", true, 0},
      {"4710 5:00\n4711 6:00\n4712 7:00\n", true, 360},
      {"4711 UNLIMITED\n", true, std::nullopt},
      {"4711 NOT_SET\n", true, std::nullopt},
      {"4711 INVALID\n", false, std::nullopt},
      {"4711 -5:00\n", false, std::nullopt},
      {"47110 5:00\n", false, std::nullopt},
      {"", false, std::nullopt},
      {"slurm_load_jobs error: Invalid job id specified\n", false, std::nullopt},
  };
  for (const Row& row : rows) {
    INFO(row.answer);
    Allocation job = job_of("slurm", "4711");
    std::vector<std::string> warnings;
    CHECK(apply_answer(Inquiry::Kind::kSqueue, row.answer, "n1", kNow, job, warnings).has_value() == row.understood);
    CHECK(job.end == (row.left ? std::optional(kNow + *row.left) : std::nullopt));
  }
}

TEST_CASE("flux: hosts, place, GPUs and end by R", "[allocation]") {
  Allocation job = job_of("flux", "fABC");
  std::vector<std::string> warnings;
  REQUIRE(apply_answer(Inquiry::Kind::kFluxResources, kR, "n2.example.org", kNow, job, warnings));
  CHECK(warnings.empty());
  CHECK(job.hosts == std::vector<std::string>{"n1", "n2"});
  CHECK(job.host_index == 1);
  CHECK(job.gpus == std::vector<std::string>{"0", "1"});
  CHECK(job.end == 1800000600);
  CHECK(job.end_by == "Flux's R");

  auto parts = parse_flux_resources(kParts, "m6");
  REQUIRE(parts);
  CHECK(parts->cores == 4);
  CHECK(parts->host_index == 1);
  CHECK_FALSE(parts->expiration);
  CHECK(parse_flux_resources(kParts, "n4")->cores == 2);

  REQUIRE(apply_answer(Inquiry::Kind::kFluxResources, kParts, "x", kNow, job, warnings));
  CHECK_FALSE(job.host_index);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0] == "this host is «x», which is not among the 3 of Flux's R (n4 …)");
}

TEST_CASE("flux: an R that is none changes nothing", "[allocation]") {
  const std::vector<std::string> rows = {
      "",
      "[]",
      "null",
      "{",
      "flux-resource: ERROR",
      R"({"version": 2, "execution": {}})",
      R"({"version": 1})",
      R"({"version": 1, "execution": []})",
      R"({"version": 1, "execution": {"nodelist": "n1", "R_lite": []}})",
      R"({"version": 1, "execution": {"nodelist": [1], "R_lite": []}})",
      R"({"version": 1, "execution": {"nodelist": ["n[1-999999999]"], "R_lite": []}})",
      R"({"version": 1, "execution": {"nodelist": ["n1"], "R_lite": {}}})",
      R"({"version": 1, "execution": {"nodelist": ["n1"], "R_lite": [1]}})",
      R"({"version": 1, "execution": {"nodelist": ["n1"], "R_lite": [{"rank": "0-99999999", "children": {}}]}})",
      R"({"version": 1, "execution": {"nodelist": ["n1"], "R_lite": [{"rank": "0", "children": {"core": "x"}}]}})",
  };
  for (const std::string& row : rows) {
    INFO(row);
    Allocation job = job_of("flux", "fABC");
    job.end = kNow;
    std::vector<std::string> warnings;
    CHECK_FALSE(apply_answer(Inquiry::Kind::kFluxResources, row, "n1", kNow, job, warnings));
    CHECK(job.end == kNow);
  }
}

}  // namespace sublet::launcher::test
