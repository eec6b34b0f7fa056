// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/wrapper.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"

using namespace sublet;
using namespace sublet::launcher;
using nlohmann::json;

namespace {

using Arguments = std::vector<std::string>;

struct Bundle {
  Bundle() : dir(take(fs::ScopedTempDir::create())), config(dir.path() + "/config.json") {}
  auto call(const Arguments& arguments, const OciSettings& settings) {
    return prepare_oci_call(arguments, parse_oci_arguments(arguments), settings);
  }
  json config_now() { return json::parse(take(fs::read_file(config)), nullptr, false); }
  fs::ScopedTempDir dir;
  std::string config;
};

const OciSettings kLast{"/opt/runc", false, 1};
const OciSettings kBest{"/opt/runc", true, 65537};

}  // namespace

TEST_CASE("oci wrapper: create edits the bundle and hands on all arguments", "[oci]") {
  Bundle b;
  REQUIRE(fs::write_file(b.config, R"({"linux":{"cgroupsPath":"/x"},"process":{"user":{"uid":5,"gid":5}}})"));
  auto argv = b.call({"--root", "/r", "create", "--bundle", b.dir.path(), "ID"}, kLast);
  REQUIRE(argv);
  CHECK(**argv == Arguments{"/opt/runc", "--rootless=true", "--root", "/r", "create", "--bundle", b.dir.path(), "ID"});
  CHECK(b.config_now() == json{{"linux", json::object()}, {"process", {{"user", {{"uid", 0}, {"gid", 0}}}}}});
  CHECK(take(sys::stat(b.config)).st_mode == (S_IFREG | 0600));
}

TEST_CASE("oci wrapper: crun is told in its own words that there are no cgroups", "[oci]") {
  Bundle b;
  REQUIRE(fs::write_file(b.config, "{}"));
  const OciSettings last{"/usr/bin/crun-1.20", false, 1};
  CHECK(**b.call({"create", "--bundle", b.dir.path(), "ID"}, last) ==
        Arguments{"/usr/bin/crun-1.20", "--cgroup-manager=disabled", "create", "--bundle", b.dir.path(), "ID"});
  const OciSettings best{"/usr/bin/crun", true, 65537};
  CHECK(**b.call({"create", "--bundle", b.dir.path(), "ID"}, best) ==
        Arguments{"/usr/bin/crun", "create", "--bundle", b.dir.path(), "ID"});
  // A directory's name makes no crun.
  const OciSettings other{"/opt/crun/runc", false, 1};
  CHECK((**b.call({"create", "--bundle", b.dir.path(), "ID"}, other))[1] == "--rootless=true");
}

TEST_CASE("oci wrapper: a configuration that needs no edit is not written", "[oci]") {
  Bundle b;
  REQUIRE(fs::write_file(b.config, R"({"process":{"user":{"uid":5,"gid":5}}})"));
  const auto before = take(sys::stat(b.config));
  auto argv = b.call({"create", "--bundle", b.dir.path(), "ID"}, kBest);
  REQUIRE(argv);
  CHECK(**argv == Arguments{"/opt/runc", "create", "--bundle", b.dir.path(), "ID"});
  CHECK(take(sys::stat(b.config)).st_ino == before.st_ino);
}

TEST_CASE("oci wrapper: exec edits the process", "[oci]") {
  Bundle b;
  REQUIRE(fs::write_file(b.config, R"({"user":{"uid":5,"gid":5},"args":["id"]})"));
  REQUIRE(b.call({"exec", "--process", b.config, "ID"}, kLast));
  CHECK(b.config_now() == json{{"user", {{"uid", 0}, {"gid", 0}}}, {"args", {"id"}}});
}

TEST_CASE("oci wrapper: without cgroups there is nothing to update", "[oci]") {
  Bundle b;
  auto none = b.call({"update", "--resources=-", "ID"}, kLast);
  REQUIRE(none);
  CHECK_FALSE(*none);
  auto some = b.call({"update", "--resources=-", "ID"}, kBest);
  REQUIRE(some);
  CHECK(*some);
}

TEST_CASE("oci wrapper: a given --rootless is left alone", "[oci]") {
  Bundle b;
  auto argv = b.call({"--rootless", "auto", "state", "ID"}, kLast);
  REQUIRE(argv);
  CHECK(**argv == Arguments{"/opt/runc", "--rootless", "auto", "state", "ID"});
}

TEST_CASE("oci wrapper: bad configurations are named, and kept", "[oci]") {
  Bundle b;
  const Arguments create{"create", "--bundle", b.dir.path(), "ID"};
  auto missing = b.call(create, kLast);
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().what, Catch::Contains(b.config) && Catch::Contains("No such file"));
  for (const char* text : {"", "{", "{} trailing", R"({"mounts":3})", "\"\xff\""}) {
    INFO(text);
    REQUIRE(fs::write_file(b.config, text));
    auto argv = b.call(create, kLast);
    REQUIRE_FALSE(argv);
    CHECK_THAT(argv.error().what, Catch::StartsWith(b.config + ": "));
    CHECK(take(fs::read_file(b.config)) == text);
  }
}

TEST_CASE("oci wrapper: errors are lines of runc's log", "[oci]") {
  const Error error = fail("a \"b\"\nc").value();
  auto line = json::parse(oci_log_line(error, true, 1767323045), nullptr, false);
  CHECK(line == json{{"level", "error"}, {"msg", "sublet-oci: a \"b\"\nc"}, {"time", "2026-01-02T03:04:05Z"}});
  CHECK(oci_log_line(error, false, 0) ==
        "time=\"1970-01-01T00:00:00Z\" level=error msg=\"sublet-oci: a \\\"b\\\"\\nc\"\n");
}
