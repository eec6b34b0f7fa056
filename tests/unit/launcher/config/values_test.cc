// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/values.h"

#include <catch2/catch.hpp>

#include "launcher/config/suggest.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {
struct TextCase {
  std::string text;
  bool good;
};
}  // namespace

TEST_CASE("values: a DNS label is what RFC 1123 says", "[config]") {
  auto [text, good] = GENERATE(values<TextCase>({{"default", true},
                                                 {"a", true},
                                                 {"9lives", true},
                                                 {"a-b", true},
                                                 {"", false},
                                                 {"-a", false},
                                                 {"a-", false},
                                                 {"A", false},
                                                 {"a.b", false},
                                                 {"a_b", false},
                                                 {"ä", false},
                                                 {"a/b", false},
                                                 {std::string(32, 'a'), true},
                                                 {std::string(33, 'a'), false}}));
  CAPTURE(text);
  CHECK(wrong_dns_label(text, 32).has_value() == !good);
}

TEST_CASE("values: a registry's host may have a port and brackets, but no scheme and no path", "[config]") {
  auto [text, good] = GENERATE(values<TextCase>({{"docker.io", true},
                                                 {"localhost:5000", true},
                                                 {"10.0.0.1:80", true},
                                                 {"[::1]:5000", true},
                                                 {"[::1]", true},
                                                 {"Registry.Example", true},
                                                 {"", false},
                                                 {"https://docker.io", false},
                                                 {"docker.io/library", false},
                                                 {"docker.io:0", false},
                                                 {"docker.io:65536", false},
                                                 {"docker.io:", false},
                                                 {"[::1", false},
                                                 {"[zz]", false},
                                                 {"[::1]x", false}}));
  CAPTURE(text);
  CHECK(wrong_registry_host(text).has_value() == !good);
}

TEST_CASE("values: a mirror is an http or https URL without secrets", "[config]") {
  auto [text, good] = GENERATE(values<TextCase>({{"https://m.example", true},
                                                 {"http://10.0.0.1:5000/v2/x", true},
                                                 {"m.example", false},
                                                 {"ftp://m.example", false},
                                                 {"https://user:pw@m.example", false},
                                                 {"https://", false},
                                                 {"https:///x", false},
                                                 {"https://m.example/a b", false},
                                                 {"https://m.example?x=1", false}}));
  CAPTURE(text);
  CHECK(wrong_url(text).has_value() == !good);
}

TEST_CASE("values: a network is in its normal form and has unicast addresses", "[config]") {
  auto [text, good] = GENERATE(values<TextCase>({{"10.42.0.0/24", true},
                                                 {"10.0.0.0/8", true},
                                                 {"192.168.1.128/25", true},
                                                 {"10.42.0.1/24", false},
                                                 {"10.42.0.0", false},
                                                 {"10.42.0.0/33", false},
                                                 {"10.42.0.0/-1", false},
                                                 {"10.42.0/24", false},
                                                 {"0.0.0.0/0", false},
                                                 {"127.0.0.0/16", false},
                                                 {"169.254.1.0/24", false},
                                                 {"224.0.0.0/8", false},
                                                 {"fd00::/64", false},
                                                 {"", false}}));
  CAPTURE(text);
  CHECK(parse_cidr(text).has_value() == good);
}

TEST_CASE("values: host bits are named together with the network that was meant", "[config]") {
  CHECK(parse_cidr("10.42.7.9/16").error().what == "has host bits set: the network is 10.42.0.0/16");
}

TEST_CASE("values: networks overlap when one has an address of the other", "[config]") {
  CHECK(overlap(*parse_cidr("10.42.0.0/16"), *parse_cidr("10.42.255.0/24")));
  CHECK(overlap(*parse_cidr("10.42.255.0/24"), *parse_cidr("10.42.0.0/16")));
  CHECK_FALSE(overlap(*parse_cidr("10.42.0.0/24"), *parse_cidr("10.42.1.0/24")));
}

TEST_CASE("values: times have units", "[config]") {
  CHECK(parse_seconds("90") == 90);
  CHECK(parse_seconds("90s") == 90);
  CHECK(parse_seconds("3m") == 180);
  CHECK(parse_seconds("2h") == 7200);
  for (const char* text : {"", "s", "-1", "1.5", "3 m", "1d", "99999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_seconds(text));
  }
}

TEST_CASE("values: paths in a file are expanded, others start at the working directory", "[config]") {
  struct Case {
    std::string text;
    bool from_file;
    std::string path;  // empty: refused
  };
  auto [text, from_file, path] = GENERATE(values<Case>({{"/a/b", true, "/a/b"},
                                                        {"/a//b/./c/../d/", true, "/a/b/d"},
                                                        {"/../..", true, "/"},
                                                        {"~/x", true, "/home/u/x"},
                                                        {"~", true, "/home/u"},
                                                        {"~other/x", true, ""},
                                                        {"$TMPDIR/x", true, "/tmp/j/x"},
                                                        {"${TMPDIR}x", true, "/tmp/jx"},
                                                        {"/a/$USER/b/$USER", true, "/a/u/b/u"},
                                                        {"$NOT_SET/x", true, ""},
                                                        {"$EMPTY/x", true, ""},
                                                        {"${TMPDIR", true, ""},
                                                        {"/a/$", true, ""},
                                                        {"/a/$/b", true, ""},
                                                        {"relative", true, ""},
                                                        {"", true, ""},
                                                        {"/a\nb", true, ""},
                                                        {"relative", false, "/work/dir/relative"},
                                                        {"../x", false, "/work/x"},
                                                        {"$TMPDIR", false, "/work/dir/$TMPDIR"},
                                                        {"~/x", false, "/work/dir/~/x"},
                                                        {"", false, ""}}));
  Environment env{{"HOME", "/home/u"}, {"USER", "u"}, {"TMPDIR", "/tmp/j"}, {"EMPTY", ""}};
  CAPTURE(text, from_file);
  Result<std::string> resolved = resolve_path(text, {.from_file = from_file, .cwd = "/work/dir", .env = &env});
  CHECK(resolved.value_or("") == path);
}

TEST_CASE("values: a bind has one to three parts", "[config]") {
  struct Case {
    std::string text;
    std::string source;  // empty: refused
    std::string target;
    bool read_only;
  };
  auto [text, source, target, read_only] = GENERATE(values<Case>({{"/a", "/a", "", false},
                                                                  {"/a:/b", "/a", "/b", false},
                                                                  {"/a:/b:ro", "/a", "/b", true},
                                                                  {"/a:/b:rw", "/a", "/b", false},
                                                                  {"/a:ro", "/a", "", true},
                                                                  {"ro", "ro", "", false},
                                                                  {"", "", "", false},
                                                                  {":/b", "", "", false},
                                                                  {"/a:", "", "", false},
                                                                  {"/a:/b:", "", "", false},
                                                                  {"/a:/b:/c", "", "", false},
                                                                  {"/a:/b:ro:ro", "", "", false}}));
  CAPTURE(text);
  Result<BindMount> bind = split_bind(text);
  REQUIRE(bind.has_value() == !source.empty());
  if (!bind) return;
  CHECK(bind->source == source);
  CHECK(bind->target == target);
  CHECK(bind->read_only == read_only);
}

TEST_CASE("suggest: a slip is forgiven, nonsense is not", "[config]") {
  std::vector<std::string> names{"network.mtu", "network.tap", "logs.level", "state.dir", "status", "auto"};
  CHECK(suggest("network.mut", names) == "network.mtu");
  CHECK(suggest("statsu", names) == "status");
  CHECK(suggest("log.level", names) == "logs.level");
  CHECK(suggest("mtu", names) == "network.mtu");
  CHECK(suggest("atuo", names) == "auto");
  CHECK_FALSE(suggest("frobnicate", names));
  CHECK_FALSE(suggest("", names));
  CHECK_FALSE(suggest(std::string(100'000, 'a'), names));
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("values: a resource's name is what Kubernetes takes for an extended one", "[config]") {
  auto [text, good] = GENERATE(values<TextCase>({{"nvidia.com/gpu", true},
                                                 {"x.org/A_b.c-9", true},
                                                 {"x/a", true},
                                                 {"x.org/" + std::string(63, 'a'), true},
                                                 {"x.org/" + std::string(64, 'a'), false},
                                                 {"gpu", false},
                                                 {"/gpu", false},
                                                 {"x.org/", false},
                                                 {"x.org/-a", false},
                                                 {"x.org/a.", false},
                                                 {"x.org/a/b", false},
                                                 {"x.org/a b", false},
                                                 {"X.org/a", false},
                                                 {"requests.x.org/a", false},
                                                 {"kubernetes.io/a", false},
                                                 {"node.kubernetes.io/a", false},
                                                 {"mykubernetes.io/a", false}}));
  CAPTURE(text);
  CHECK(wrong_resource(text).has_value() == !good);
}
