// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/credentials.h"

#include <catch2/catch.hpp>

namespace sublet::launcher {
namespace {

TEST_CASE("credentials: a line is for the registry alone", "[images]") {
  struct Row {
    const char* text;
    Credentials expected;
  };
  for (const Row& row : {Row{"ann:secret", {"ann", "secret", ""}}, Row{"ann:secret\r\n", {"ann", "secret", ""}},
                         Row{"ann:se:cr et \n", {"ann", "se:cr et ", ""}}, Row{"ann:\"]x=\\", {"ann", "\"]x=\\", ""}},
                         Row{"änn:pässwörd", {"änn", "pässwörd", ""}}}) {
    const auto found = parse_credentials(row.text, "registry.example.org:5000", {"https://mirror.example.org"});
    REQUIRE(found);
    CHECK(*found == CredentialsByHost{{"registry.example.org:5000", row.expected}});
  }
}

TEST_CASE("credentials: of config.json each host gets its own", "[images]") {
  const auto found = parse_credentials(
      R"({
      "auths": {
        "https://index.docker.io/v1/": {"auth": "YW5uOnNlY3JldA=="},
        "https://mirror.example.org": {"username": "bob", "password": "pa:ss"},
        "token.example.org:5000": {"identitytoken": "abc", "auth": "YW5uOg=="},
        "other.example.org": {"auth": "not ours to judge"}
      },
      "credsStore": "secretservice"})",
      "docker.io",
      {"https://mirror.example.org", "http://token.example.org:5000/v2/proxy", "https://anonymous.example.org"});
  REQUIRE(found);
  CHECK(*found == CredentialsByHost{{"registry-1.docker.io", {"ann", "secret", ""}},
                                    {"mirror.example.org", {"bob", "pa:ss", ""}},
                                    {"token.example.org:5000", {"", "", "abc"}}});
}

TEST_CASE("credentials: base64 of every length", "[images]") {
  struct Row {
    const char* auth;
    const char* password;
  };
  for (const Row& row :
       {Row{"YTox", "1"}, Row{"YToxMg==", "12"}, Row{"YToxMjM=", "123"}, Row{"YTr7Pz8=", nullptr},
        Row{"YTo/Pz8+", "\?\?\?>"}, Row{"YToxMg", nullptr}, Row{"YTox\n", nullptr}, Row{"====", nullptr},
        Row{"YTo=", nullptr}, Row{"OmE=", nullptr}, Row{"YWE=", nullptr}, Row{"Y=Ex", nullptr}}) {
    CAPTURE(row.auth);
    std::string auth = row.auth;
    if (auth.ends_with('\n')) auth.replace(auth.size() - 1, 1, "\\n");
    const auto found = parse_credentials(R"({"auths":{"h":{"auth":")" + auth + "\"}}}", "h", {});
    CHECK(found.has_value() == (row.password != nullptr));
    if (found && row.password != nullptr) CHECK(found->at("h").password == row.password);
  }
}

TEST_CASE("credentials: what is no password is refused, and never repeated in the message", "[images]") {
  struct Row {
    std::string text;
    const char* says;
  };
  const std::vector<Row> rows = {
      {"", "no user and password"},
      {"hunter2", "no user and password"},
      {":hunter2", "no user and password"},
      {"ann:", "no user and password"},
      {"ann:hunter2\nbob:hunter2", "no user and password"},
      {std::string("ann:hunter2\0", 12), "no user and password"},
      {"ann:hunter2\x7f", "no user and password"},
      {"ann:hunter2\xff", "no user and password"},
      {"{\"auths\": hunter2", "not JSON"},
      {"{}", "no \"auths\""},
      {R"({"auths": ["hunter2"]})", "no \"auths\""},
      {R"({"auths": {"elsewhere": {"auth": "hunter2"}}})", "nothing for registry.example.org"},
      {R"({"auths": {"registry.example.org": "hunter2"}})", "not an object"},
      {R"({"auths": {"registry.example.org": {}}, "credsStore": "hunter2"})", "no password is in the file"},
      {R"({"auths": {"registry.example.org": {"auth": 7}}})", "no password is in the file"},
      {R"({"auths": {"registry.example.org": {"auth": "hunter2"}}})", "no base64"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto found = parse_credentials(row.text, "registry.example.org", {});
    REQUIRE_FALSE(found);
    CHECK_THAT(found.error().what, Catch::Contains(row.says));
    CHECK_FALSE(found.error().hint.empty());
    CHECK(to_string(found.error()).find("hunter2") == std::string::npos);
    CHECK(found.error().exit == ExitCode::kUsage);
  }
}

}  // namespace
}  // namespace sublet::launcher
