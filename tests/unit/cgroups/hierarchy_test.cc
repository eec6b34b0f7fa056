// SPDX-License-Identifier: Apache-2.0
#include "cgroups/hierarchy.h"

#include <catch2/catch.hpp>

namespace sublet::cgroups {

TEST_CASE("membership: v1 controllers by name, v2 by the zero line", "[cgroups]") {
  Membership m = parse_membership("9:name=systemd:/\n4:cpu,cpuacct:/a:b\n3:memory:/job\n0::/x/y\nbroken\n");
  CHECK(m.unified == "/x/y");
  CHECK(m.v1 == std::map<std::string, std::string>{{"cpu", "/a:b"}, {"cpuacct", "/a:b"}, {"memory", "/job"}});
  CHECK_FALSE(parse_membership("3:memory:/job\n").unified);
}

TEST_CASE("mounts: only cgroup ones, with controllers and escapes undone", "[cgroups]") {
  auto mounts = parse_mounts(
      "21 1 0:5 / /proc rw - proc proc rw\n"
      "40 30 0:33 /docker/ab /sys/fs/cg\\040roup/memory rw,relatime master:3 - cgroup cgroup rw,memory\n"
      "41 30 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "42 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].target == "/sys/fs/cg roup/memory");
  CHECK(mounts[0].root == "/docker/ab");
  CHECK(mounts[0].controllers == std::vector<std::string>{"memory"});
  CHECK(mounts[1].controllers.empty());
  CHECK(mounts[2].unified);
}

TEST_CASE("directory_of: by what the mount shows", "[cgroups]") {
  struct Row {
    const char* root;
    const char* cgroup;
    const char* expected;
  };
  for (const Row& row : std::vector<Row>{{"/", "/", "/cg"},
                                         {"/", "/a/b", "/cg/a/b"},
                                         {"/a", "/a", "/cg"},
                                         {"/a", "/a/b", "/cg/b"},
                                         {"/a", "/ab", nullptr},
                                         {"/a", "/", nullptr},
                                         {"/", "/../x", nullptr}}) {
    INFO(row.root << " " << row.cgroup);
    auto found = directory_of(Mount{row.root, "/cg", true, {}}, row.cgroup);
    CHECK(found == (row.expected ? std::optional<std::string>(row.expected) : std::nullopt));
  }
}

TEST_CASE("place: of a cgroup, by the mount that shows it", "[cgroups]") {
  View seen;
  seen.mounts = {{"/", "/old", false, {"memory"}}, {"/a", "/cg", true, {}}};
  auto place = place_of(seen, "/a/b");
  REQUIRE(place);
  CHECK(place->directory == "/cg/b");
  CHECK(place->top == "/cg");
  CHECK_FALSE(place_of(seen, "/x"));
  CHECK(parent_of("/cg/b") == "/cg");
  CHECK(parent_of("/cg") == "/");
}

}  // namespace sublet::cgroups
