// SPDX-License-Identifier: Apache-2.0
#include "launcher/cluster/requests.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "samples.h"

namespace sublet::launcher::test {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

json asks(const char* name, const char* cpu, const char* memory) {
  return {{"name", name}, {"resources", {{"requests", {{"cpu", cpu}, {"memory", memory}}}}}};
}

Requests of(json spec, json status = {{"phase", "Running"}}) {
  return requests_of({{"items", {{{"spec", std::move(spec)}, {"status", std::move(status)}}}}});
}

}  // namespace

TEST_CASE("requests: quantities are read as the API writes them, and rounded up", "[cluster]") {
  const struct {
    const char* text;
    double scale;
    std::uint64_t value;
  } good[] = {{"0", 1, 0},
              {"1", 1000, 1000},
              {"100m", 1000, 100},
              {"1.5", 1000, 1500},
              {"0.1", 1000, 100},
              {"100u", 1000, 1},
              {"2Gi", 1, 2048 * kMiB},
              {"1e3", 1, 1000},
              {"12E3", 1, 12000},
              {"1k", 1, 1000},
              {"1.5Ki", 1, 1536},
              {"+3", 1, 3},
              {"1500m", 1, 2},
              {"128974848", 1, 128974848},
              {"1E", 1, 1000000000000000000U}};
  for (const auto& row : good) {
    CAPTURE(row.text);
    CHECK(quantity(row.text, row.scale) == row.value);
  }
  for (const char* bad : {"", "-1", "m", "1x", "1 ", "1KI", "nan", "inf", "0x10", "1e", "1Mi1"}) {
    CAPTURE(bad);
    CHECK_FALSE(quantity(bad));
  }
}

TEST_CASE("requests: containers together, or an init container beside the sidecars before it", "[cluster]") {
  CHECK(of({{"containers", {asks("a", "1", "100Mi"), asks("b", "500m", "1Mi")}}}) == Requests{1500, 101 * kMiB});
  CHECK(of({{"containers", {{{"name", "asks for nothing"}}}}}) == Requests{});
  json sidecar = asks("s", "100m", "10Mi");
  sidecar["restartPolicy"] = "Always";
  const json spec = {{"initContainers", {asks("i", "2", "1Mi"), sidecar, asks("j", "1950m", "2Mi")}},
                     {"containers", {asks("a", "1", "50Mi")}}};
  // The second init container and the sidecar ask for most CPUs, container and sidecar for most memory.
  CHECK(of(spec) == Requests{2050, 60 * kMiB});
  json more = spec;
  more["overhead"] = {{"cpu", "10m"}};
  more["resources"] = {{"requests", {{"cpu", "3"}}}};
  CHECK(of(more) == Requests{3010, 60 * kMiB});
}

TEST_CASE("requests: of a container that is being resized the larger size counts", "[cluster]") {
  const json status = {
      {"phase", "Running"},
      {"containerStatuses", {{{"name", "a"}, {"allocatedResources", {{"cpu", "2"}, {"memory", "1Mi"}}}}}}};
  CHECK(of({{"containers", {asks("a", "1", "5Mi"), asks("b", "1", "5Mi")}}}, status) == Requests{3000, 10 * kMiB});
}

TEST_CASE("requests: who has ended counts no more, and what cannot be read is too much", "[cluster]") {
  const json spec = {{"containers", {asks("a", "1", "1Mi")}}};
  for (const auto& [phase, cpus] : {std::pair("Running", 1000U), std::pair("Pending", 1000U),
                                    std::pair("Unknown", 1000U), std::pair("Succeeded", 0U), std::pair("Failed", 0U)})
    CHECK(of(spec, {{"phase", phase}}).milli_cpus == cpus);
  Plan plan = good_plan();
  plan.share.memory_bytes = 0;
  for (const json& pods : {json(nullptr), json::array(), json{{"items", 3}},
                           json{{"items", {{{"spec", {{"containers", {asks("a", "many", "1Mi")}}}}}}}}})
    CHECK_FALSE(fits(requests_of(pods), plan));
  CHECK(requests_of({{"items", json::array()}}) == Requests{});
}

TEST_CASE("requests: what the cluster needs itself is not there for pods", "[cluster]") {
  Plan plan = good_plan();
  plan.share.cpus = {0, 2};
  plan.share.memory_bytes = kOwnMemory + kKeptFree + 100 * kMiB;
  CHECK(fits({2000, 100 * kMiB}, plan));
  CHECK_FALSE(fits({2001, 100 * kMiB}, plan));
  CHECK_FALSE(fits({2000, 100 * kMiB + 1}, plan));
  plan.share.memory_bytes = 0;  // not known
  CHECK(fits({2000, 4096 * kMiB}, plan));
  CHECK(to_text(Requests{1500, 200 * kMiB}) == "1.5 CPUs and 200 MiB");
}

}  // namespace sublet::launcher::test
