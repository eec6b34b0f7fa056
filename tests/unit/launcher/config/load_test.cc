// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/sys.h"
#include "launcher/config/render.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

/// A site directory, a user's file, an environment and flags, all of the test's own.
struct World {
  fs::ScopedTempDir dir = *fs::ScopedTempDir::create();
  Sources sources{.site_dir = dir.path() + "/site",
                  .user_file = dir.path() + "/user.toml",
                  .env = {{"HOME", "/home/u"}, {"PATH", "/bin"}},
                  .cwd = "/work"};

  World() { REQUIRE(sys::mkdir(sources.site_dir, 0755)); }
  void site(const std::string& name, std::string_view text) const {
    REQUIRE(fs::write_file(sources.site_dir + "/" + name, text, 0644));
  }
  void user(std::string_view text, mode_t mode = 0600) const {
    REQUIRE(fs::write_file(sources.user_file, text, mode));
    REQUIRE(sys::chmod(sources.user_file, mode));
  }
  [[nodiscard]] Config config() const {
    Result<Loaded> loaded = load_config(sources);
    INFO((loaded ? "" : to_string(loaded.error())));
    REQUIRE(loaded);
    return loaded->config;
  }
  [[nodiscard]] std::string from(std::string_view key) const {
    Result<Loaded> loaded = load_config(sources);
    REQUIRE(loaded);
    for (const KeyOrigin& origin : loaded->origins) {
      if (origin.key == key) return origin.from;
    }
    return "no such key";
  }
  /// The complaint, with the test's directory cut out.
  [[nodiscard]] std::string error() const {
    Result<Loaded> loaded = load_config(sources);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().exit == ExitCode::kUsage);
    std::string what = loaded.error().what;
    for (std::size_t at; (at = what.find(dir.path() + "/")) != std::string::npos;)
      what.erase(at, dir.path().size() + 1);
    return what;
  }
};

}  // namespace

TEST_CASE("config: with no source each value is its default", "[config]") {
  World world;
  CHECK(world.config().name == "default");
  CHECK(world.config().ready_timeout == std::chrono::seconds(180));
  CHECK(world.from("network.mtu") == "default");
}

TEST_CASE("config: flags win over variables, over the user's file, over the site's files by name", "[config]") {
  World world;
  world.site("20-b.toml", "[network]\nmtu = 2000\n");
  world.site("10-a.toml", "[network]\nmtu = 1500\npod_cidr = '10.1.0.0/24'\n");
  world.site("30-c.toml.bak", "not TOML at all");
  world.site(".40.toml", "not TOML at all");
  CHECK(world.config().mtu == 2000);
  CHECK(world.from("network.mtu") == world.sources.site_dir + "/20-b.toml:2");
  world.user("\n[network]\nmtu = 3000\n");
  CHECK(world.config().mtu == 3000);
  CHECK(world.from("network.mtu") == world.sources.user_file + ":3");
  world.sources.env["SUBLET_NETWORK_MTU"] = "4000";
  CHECK(world.config().mtu == 4000);
  CHECK(world.from("network.mtu") == "SUBLET_NETWORK_MTU");
  world.sources.settings = {{"network.mtu", "5000", "--set network.mtu"}, {"network.mtu", "6000", "--set network.mtu"}};
  CHECK(world.config().mtu == 6000);
  CHECK(world.from("network.mtu") == "--set network.mtu");
  CHECK(world.config().pod_cidr == "10.1.0.0/24");
}

TEST_CASE("config: every key of a file arrives in its field", "[config]") {
  World world;
  world.user(R"(
[cluster]
name = "mine"
[components]
dir = "/opt/c"
[state]
dir = "~/s"
[identity]
mode = "single"
[cgroups]
mode = "none"
cpu_limits = true
pod_pids = 9
[network]
tap = "off"
mtu = 1500
ipv6 = false
node_cidr = "10.9.0.0/24"
pod_cidr = "10.10.0.0/24"
service_cidr = "10.11.0.0/16"
cluster_domain = "my.zone"
[service_proxy]
mode = "iptables"
[node]
writable = ["/w"]
[[node.bind]]
source = "/a"
[[node.bind]]
source = "/b"
target = "/c"
read_only = true
[images]
snapshotter = "fuse-overlayfs"
archives = ["/i"]
[registries."docker.io"]
mirrors = ["https://m"]
ca_file = "/ca"
[registries."localhost:5000"]
plain_http = true
[storage]
default_class = false
[timeouts]
ready = 5
stop = "1m"
[logs]
dir = "/l"
level = "debug"
)");
  Config c = world.config();
  CHECK(c.name == "mine");
  CHECK(c.components_dir == "/opt/c");
  CHECK(c.state_dir == "/home/u/s");
  CHECK(c.identity == IdentityMode::kSingle);
  CHECK(c.cgroups == CgroupMode::kNone);
  CHECK(c.cpu_limits);
  CHECK(c.pod_pids == 9);
  CHECK(c.tap == TapMode::kOff);
  CHECK(c.mtu == 1500);
  CHECK_FALSE(c.ipv6);
  CHECK(c.node_cidr + c.pod_cidr + c.service_cidr == "10.9.0.0/2410.10.0.0/2410.11.0.0/16");
  CHECK(c.cluster_domain == "my.zone");
  CHECK(c.proxy == ProxyMode::kIptables);
  REQUIRE(c.binds.size() == 2);
  CHECK(c.binds[0].target == "/a");
  CHECK_FALSE(c.binds[0].read_only);
  CHECK(c.binds[1].source + c.binds[1].target == "/b/c");
  CHECK(c.binds[1].read_only);
  CHECK(c.writable == std::vector<std::string>{"/w"});
  CHECK(c.snapshotter == Snapshotter::kFuseOverlayfs);
  CHECK(c.archives == std::vector<std::string>{"/i"});
  REQUIRE(c.registries.size() == 2);
  CHECK(c.registries["docker.io"].mirrors == std::vector<std::string>{"https://m"});
  CHECK(c.registries["docker.io"].ca_file == "/ca");
  CHECK(c.registries["localhost:5000"].plain_http);
  CHECK_FALSE(c.default_storage_class);
  CHECK(c.ready_timeout == std::chrono::seconds(5));
  CHECK(c.stop_timeout == std::chrono::seconds(60));
  CHECK(c.log_dir == "/l");
  CHECK(c.log_level == "debug");
}

TEST_CASE("config: lists add up, a bind replaces one at its target, an empty list starts afresh", "[config]") {
  World world;
  world.site("a.toml", "[images]\narchives = ['/site']\n[[node.bind]]\nsource='/old'\ntarget='/t'\n");
  world.user("[images]\narchives = ['/mine', '/site']\n");
  world.sources.env["SUBLET_IMAGES_ARCHIVES"] = "/env1:env2";
  world.sources.settings = {{"images.archives", "x.tar", "--image"}, {"node.bind", "/new:/t:ro,/q", "--bind"}};
  Config c = world.config();
  CHECK(c.archives == std::vector<std::string>{"/site", "/mine", "/env1", "/work/env2", "/work/x.tar"});
  REQUIRE(c.binds.size() == 2);
  CHECK(c.binds[0].source == "/new");
  CHECK(c.binds[0].read_only);
  CHECK(c.binds[1].target == "/q");
  CHECK(world.from("images.archives") ==
        world.sources.site_dir + "/a.toml:2, " + world.sources.user_file + ":2, SUBLET_IMAGES_ARCHIVES, --image");
  world.sources.settings = {{"images.archives", "", "--set images.archives"}};
  CHECK(world.config().archives.empty());
  CHECK(world.from("images.archives") == "--set images.archives");
}

TEST_CASE("config: structured keys can be given by a flag or variable as TOML", "[config]") {
  World world;
  world.sources.env["SUBLET_REGISTRIES"] = R"({"docker.io" = {mirrors = ["http://m"]}})";
  world.sources.settings = {{"registries", R"({"ghcr.io" = {plain_http = true}})", "--set registries"},
                            {"node.bind", R"([{source = "/a,b", target = "/c:d"}])", "--set node.bind"}};
  Config c = world.config();
  CHECK(c.registries.size() == 2);
  CHECK(c.binds.at(0).source == "/a,b");
  CHECK(c.binds.at(0).target == "/c:d");
}

TEST_CASE("config: a mistake in a file is shown with line and caret", "[config]") {
  struct Case {
    std::string text;
    std::string report;
  };
  auto [text, report] = GENERATE(values<Case>({
      {"[network]\nmut = 9000\n",
       "user.toml:2:1: unknown key \"network.mut\"; did you mean network.mtu?\n    2 | mut = 9000\n      | ^~~"},
      {"mtu = 9000\n",
       "user.toml:1:1: unknown key \"mtu\"; did you mean network.mtu?\n    1 | mtu = 9000\n      | ^~~"},
      {"[netwrok]\nmtu = 9000\n",
       "user.toml:1:2: unknown table \"netwrok\"; did you mean network?\n    1 | [netwrok]\n      |  ^~~~~~~"},
      {"network = 5\n",
       "user.toml:1:1: network is a table: write [network], and its keys below\n    1 | network = 5\n      | ^~~~~~~"},
      {"[network]\nmtu = \"9000\"\n",
       "user.toml:2:7: expected a whole number from 576 to 65520, got a text (\"9000\")\n"
       "    2 | mtu = \"9000\"\n      |       ^~~~~~"},
      {"[network]\nmtu = 70000\n",
       "user.toml:2:7: expected a whole number from 576 to 65520, got 70000\n"
       "    2 | mtu = 70000\n      |       ^~~~~"},
      {"[network]\nipv6 = \"true\"\n",
       "user.toml:2:8: expected true or false, got a text (\"true\"), without quotes\n"
       "    2 | ipv6 = \"true\"\n      |        ^~~~~~"},
      {"[identity]\nmode = \"singel\"\n",
       "user.toml:2:8: expected one of \"auto\", \"subuid\", \"single\", got \"singel\"; did you mean single?\n"
       "    2 | mode = \"singel\"\n      |        ^~~~~~~~"},
      {"[network]\ntap = false\n",
       "user.toml:2:7: expected one of \"auto\", \"off\", got true or false\n"
       "    2 | tap = false\n      |       ^~~~~"},
      {"[images]\narchives = [\n  '/a',\n  3,\n]\n",
       "user.toml:4:3: expected a path in quotes, got a whole number\n    4 |   3,\n      |   ^"},
      {"[[node.bind]]\nsource = '/a'\nraed_only = true\n",
       "user.toml:3:1: unknown key \"raed_only\" in [[node.bind]]; did you mean read_only?\n"
       "    3 | raed_only = true\n      | ^~~~~~~~~"},
      {"[node.bind]\nsource = '/a'\n",
       "user.toml:1:1: expected [[node.bind]] tables (two brackets) with a source, got a table\n"
       "    1 | [node.bind]\n      | ^~~~~~~~~~~"},
      {"[registries.ghcr.io]\nplain_http = true\n",
       "user.toml:1:18: a host is written in quotes: [registries.\"ghcr.io\"]\n"
       "    1 | [registries.ghcr.io]\n      |                  ^~"},
      {"[state]\ndir = 'here'\n",
       "user.toml:2:7: \"here\" is not an absolute path (\"/…\", \"~/…\" or \"$NAME/…\")\n"
       "    2 | dir = 'here'\n      |       ^~~~~~"},
      {"[state]\ndir = '$NOPE/x'\n",
       "user.toml:2:7: \"$NOPE/x\" names $NOPE, which is not set\n"
       "    2 | dir = '$NOPE/x'\n      |       ^~~~~~~~~"},
  }));
  World world;
  world.user(text);
  CHECK(world.error() == report);
}

TEST_CASE("config: a mistake in a variable or a flag names it", "[config]") {
  struct Case {
    std::string name;
    std::string value;
    std::string report;
  };
  auto [name, value, report] = GENERATE(values<Case>({
      {"SUBLET_NETWORK_MTU", "abc",
       "SUBLET_NETWORK_MTU: expected a whole number from 576 to 65520, got a text (\"abc\")"},
      {"SUBLET_NETWORK_IPV6", "maybe", "SUBLET_NETWORK_IPV6: expected true or false, got \"maybe\""},
      {"SUBLET_NETWORK_MUT", "1", "SUBLET_NETWORK_MUT: no such variable of sublet's; did you mean SUBLET_NETWORK_MTU?"},
      {"SUBLET_CLUSTER_NAME", "x", "SUBLET_CLUSTER_NAME: no such variable of sublet's; did you mean SUBLET_NAME?"},
      {"SUBLET_MTU", "x", "SUBLET_MTU: no such variable of sublet's; did you mean SUBLET_NETWORK_MTU?"},
      {"SUBLET_FROBNICATE", "x", "SUBLET_FROBNICATE: no such variable of sublet's"},
      {"SUBLET_NAME", "Bad_Name", "SUBLET_NAME: \"Bad_Name\" may only have lower-case letters, digits and \"-\""},
      {"SUBLET_NODE_BIND", "/a:b:c:d", "SUBLET_NODE_BIND: \"/a:b:c:d\" is not of the form SOURCE[:TARGET[:ro]]"},
      {"SUBLET_NODE_BIND", "/a:/proc/x",
       "SUBLET_NODE_BIND: the target \"/proc/x\" is inside /proc, which is the node's own"},
      {"SUBLET_TIMEOUTS_READY", "soon",
       "SUBLET_TIMEOUTS_READY: expected seconds from 1 to 86400, or a text such as "
       "\"90s\", \"3m\", \"1h\", got a text (\"soon\")"},
  }));
  World world;
  world.sources.env[name] = value;
  CHECK(world.error() == report);
}

TEST_CASE("config: an unknown key in a flag names the flag", "[config]") {
  World world;
  world.sources.settings = {{"network.mut", "1", "--set network.mut"}};
  CHECK(world.error() == "--set network.mut: unknown key \"network.mut\"; did you mean network.mtu?");
}

TEST_CASE("config: variables that are set to nothing, of others or of our scripts are let be", "[config]") {
  World world;
  world.sources.env["SUBLET_NETWORK_MTU"] = "";
  world.sources.env["SUBLET_CACHE"] = "/x";
  world.sources.env["SUBLET_TEST_ANYTHING"] = "1";
  world.sources.env["sublet_network_mtu"] = "x";
  CHECK(world.config().mtu == 65520);
}

TEST_CASE("config: all mistakes of all sources are reported at once, but not without end", "[config]") {
  World world;
  world.site("a.toml", "= 3\n");
  world.user("x = 1\n[network]\nmtu = 1\n");
  world.sources.env["SUBLET_NAME"] = "-";
  world.sources.settings = {{"logs.level", "loud", "--set logs.level"}};
  std::string report = world.error();
  for (const char* part :
       {"site/a.toml:1:1: ", "user.toml:1:1: ", "user.toml:3:7: ", "SUBLET_NAME: ", "--set logs.level: "}) {
    CAPTURE(report, part);
    CHECK(report.find(part) != std::string::npos);
  }
  world.sources.settings.assign(100, {"nope", "", "--set nope"});
  report = world.error();
  CHECK(std::count(report.begin(), report.end(), '\n') < 40);
  CHECK(report.ends_with("… and 84 more"));
}

TEST_CASE("config: values that do not go together are named with their origins", "[config]") {
  World world;
  world.user("[network]\npod_cidr = '10.43.1.0/24'\n");
  CHECK(
      world.error() ==
      "network.pod_cidr 10.43.1.0/24 (from user.toml:2) and network.service_cidr 10.43.0.0/16 (from default) overlap");
  world.user("[network]\nmtu = 1000\n");
  CHECK(world.error().starts_with("network.mtu 1000 (from user.toml:2) is too small for IPv6"));
  world.user("[network]\nmtu = 1000\nipv6 = false\n");
  CHECK(world.config().mtu == 1000);
}

TEST_CASE("config: a missing user's file is fine unless it was named", "[config]") {
  World world;
  CHECK(world.config().name == "default");
  world.sources.user_file_required = true;
  CHECK(world.error() == "user.toml: No such file or directory");
  world.sources.user_file = "/dev/null";
  CHECK(world.config().name == "default");
  world.sources.site_dir = "/nonexistent";
  CHECK(world.config().name == "default");
}

TEST_CASE("config: files that others can change are refused", "[config]") {
  World world;
  auto mode = GENERATE(as<mode_t>{}, 0620, 0602, 0666);
  world.user("[network]\nmtu = 1500\n", mode);
  CHECK(world.error().starts_with("user.toml: others can write it (mode 06"));
  CHECK(world.error().find("hint: it could make sublet run their programs as you: chmod go-w") != std::string::npos);
  world.user("[network]\nmtu = 1500\n", 0644);
  CHECK(world.config().mtu == 1500);
  REQUIRE(sys::chmod(world.dir.path(), 0777));
  CHECK(world.error().starts_with("user.toml: others can replace it"));
  REQUIRE(sys::chmod(world.dir.path(), 01777));
  CHECK(world.config().mtu == 1500);
}

TEST_CASE("config: links are followed and judged by what they lead to; a dangling one is an error", "[config]") {
  World world;
  REQUIRE(fs::write_file(world.dir.path() + "/real.toml", "[network]\nmtu = 1500\n", 0600));
  REQUIRE(sys::symlink("real.toml", world.sources.user_file));
  CHECK(world.config().mtu == 1500);
  REQUIRE(sys::chmod(world.dir.path() + "/real.toml", 0622));
  CHECK(world.error().starts_with("user.toml: others can write it"));
  REQUIRE(sys::unlink(world.dir.path() + "/real.toml"));
  CHECK(
      world.error().starts_with("user.toml: No such file or directory\n  hint: it is a link whose target is missing"));
}

TEST_CASE("config: a directory or a FIFO in the place of a file is refused at once", "[config]") {
  World world;
  SECTION("directory") { REQUIRE(sys::mkdir(world.sources.user_file, 0700)); }
  SECTION("FIFO") { REQUIRE(::mkfifo(world.sources.user_file.c_str(), 0600) == 0); }
  CHECK(world.error() == "user.toml: is not a regular file");
}

TEST_CASE("config: a credentials file that others can read is refused", "[config]") {
  World world;
  std::string secret = world.dir.path() + "/auth";
  REQUIRE(fs::write_file(secret, "u:p", 0600));
  world.user("[registries.\"docker.io\"]\ncredentials_file = \"" + secret + "\"\n");
  CHECK(world.config().registries.at("docker.io").credentials_file == secret);
  REQUIRE(sys::chmod(secret, 0640));
  CHECK(world.error().starts_with("credentials_file of registry \"docker.io\": auth: others can read it (mode 0640)"));
  REQUIRE(sys::unlink(secret));
  CHECK(world.error().find("No such file or directory") != std::string::npos);
}

TEST_CASE("config: devices add up over the sources, each with its place", "[config]") {
  World world;
  world.site("a.toml", "[[devices]]\nresource = 'x.org/a'\npaths = ['/dev/a', '$DEVICE']\ncount = 3\n");
  world.sources.env["DEVICE"] = "/dev/b";
  world.user("\n[[devices]]\nresource = 'x.org/a'\ncdi = ['x.org/c=1']\n");
  world.sources.env["SUBLET_DEVICES"] = "[{resource = 'x.org/b', paths = ['/dev/a']}]";
  const std::vector<DeviceWish> devices = world.config().devices;
  REQUIRE(devices.size() == 3);
  CHECK(devices[0].paths == std::vector<std::string>{"/dev/a", "/dev/b"});
  CHECK(devices[0].count == 3);
  CHECK(devices[0].from == world.sources.site_dir + "/a.toml:1");
  CHECK(devices[1].cdi == std::vector<std::string>{"x.org/c=1"});
  CHECK(devices[1].count == 1);
  CHECK(devices[1].from == world.sources.user_file + ":2");
  CHECK(devices[2].from == "SUBLET_DEVICES");
  world.sources.env["SUBLET_DEVICES"] = "[]";
  CHECK(world.config().devices.empty());
}

TEST_CASE("config: what is wrong with a device is said with its place", "[config]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"resource = 'tun'\npaths = ['/dev/a']", "user.toml:2:12: \"tun\" is not of the form DOMAIN/NAME"},
      {"resource = 'kubernetes.io/a'\npaths = ['/dev/a']", "\"kubernetes.io/a\" is in Kubernetes' own domain"},
      {"paths = ['/dev/a']", "[[devices]] has no resource"},
      {"resource = 'x.org/a'", "[[devices]] has neither paths nor cdi"},
      {"resource = 'x.org/a'\npaths = ['/tmp/a']", "user.toml:3:10: \"/tmp/a\" is not below /dev"},
      {"resource = 'x.org/a'\npaths = ['/dev/x/../../etc']", "is not below /dev"},
      {"resource = 'x.org/a'\npaths = ['/dev/pts/1']", "is below /dev/pts, which the cluster has its own of"},
      {"resource = 'x.org/a'\npaths = ['/dev/a', '/dev//a']", "user.toml:3:20: \"/dev//a\" is there twice"},
      {"resource = 'x.org/a'\npaths = '/dev/a'", "expected an array of paths, got a text"},
      {"resource = 'x.org/a'\ncdi = ['gpu0']", "\"gpu0\" is not of the form VENDOR/CLASS=NAME"},
      {"resource = 'x.org/a'\npaths = ['/dev/a']\ncount = 0",
       "user.toml:4:9: expected a whole number from 1 to 1024, got 0"},
      {"resource = 'x.org/a'\npath = ['/dev/a']", "unknown key \"path\" in [[devices]]; did you mean paths?"},
      {"resource = 'x.org/a'\npaths = ['/dev/a']\n[[devices]]\nresource = 'x.org/a'\npaths = ['/dev/b', '/dev/a']",
       "/dev/a is a device of x.org/a already (by "},
  };
  for (const auto& [text, what] : rows) {
    CAPTURE(text);
    World world;
    world.user("[[devices]]\n" + text + "\n");
    const std::string error = world.error();
    CAPTURE(error);
    CHECK(error.find(what) != std::string::npos);
  }
}

TEST_CASE("config: as text and as JSON each key has its value and origin", "[config]") {
  World world;
  world.user("[[node.bind]]\nsource='/a'\n");
  world.sources.env["SUBLET_NETWORK_MTU"] = "1500";
  Result<Loaded> result = load_config(world.sources);
  REQUIRE(result);
  const Loaded& loaded = *result;
  std::string text = config_as_text(loaded);
  CHECK(text.starts_with("KEY "));
  CHECK(text.find("\nnetwork.mtu             1500 ") != std::string::npos);
  CHECK(text.find(" SUBLET_NETWORK_MTU\n") != std::string::npos);
  CHECK(text.find("[{source = \"/a\", target = \"/a\"}]") != std::string::npos);
  nlohmann::json json = nlohmann::json::parse(config_as_json(loaded), nullptr, false);
  REQUIRE_FALSE(json.is_discarded());
  CHECK(json["network.mtu"] == nlohmann::json({{"value", 1500}, {"from", "SUBLET_NETWORK_MTU"}}));
  CHECK(json["node.bind"]["value"][0]["target"] == "/a");
  CHECK(json["registries"]["value"].is_object());
}
