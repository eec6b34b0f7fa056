// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/kubeconfig.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

TEST_CASE("base64: RFC 4648's own examples", "[pki]") {
  struct Row {
    const char* plain;
    const char* encoded;
  };
  for (const Row row : {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"}, Row{"foob", "Zm9vYg=="},
                        Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"}})
    CHECK(base64(row.plain) == row.encoded);
}

TEST_CASE("kubeconfig: one context that names cluster, user and namespace, data embedded", "[pki]") {
  const std::string text = kubeconfig({.server = "https://127.0.0.1:4711",
                                       .ca_pem = "CA",
                                       .client = {.key_pem = "KEY", .cert_pem = "CERT"},
                                       .cluster = "mine",
                                       .user = "me",
                                       .name_space = "work",
                                       .tls_server_name = "kubernetes"});
  const auto file = nlohmann::json::parse(text, nullptr, false);
  REQUIRE_FALSE(file.is_discarded());
  CHECK(file["apiVersion"] == "v1");
  CHECK(file["kind"] == "Config");
  CHECK(file["current-context"] == "mine");
  CHECK(file["contexts"][0]["name"] == "mine");
  CHECK(file["contexts"][0]["context"] == nlohmann::json({{"cluster", "mine"}, {"user", "me"}, {"namespace", "work"}}));
  CHECK(file["clusters"][0]["name"] == "mine");
  CHECK(file["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:4711");
  CHECK(file["clusters"][0]["cluster"]["certificate-authority-data"] == base64("CA"));
  CHECK(file["clusters"][0]["cluster"]["tls-server-name"] == "kubernetes");
  CHECK(file["users"][0]["name"] == "me");
  CHECK(file["users"][0]["user"]["client-certificate-data"] == base64("CERT"));
  CHECK(file["users"][0]["user"]["client-key-data"] == base64("KEY"));
}

TEST_CASE("kubeconfig: no tls-server-name unless asked; odd text stays valid JSON", "[pki]") {
  const std::string text = kubeconfig({.server = "https://[::1]:1", .cluster = "a\"b\xff"});
  const auto file = nlohmann::json::parse(text, nullptr, false);
  REQUIRE_FALSE(file.is_discarded());
  CHECK_FALSE(file["clusters"][0]["cluster"].contains("tls-server-name"));
}

}  // namespace
}  // namespace sublet::launcher
