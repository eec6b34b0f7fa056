// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/certificate.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>

#include <catch2/catch.hpp>
#include <set>

#include "tests/unit/launcher/pki/x509_view.h"

namespace sublet::launcher {
namespace {

using namespace std::chrono_literals;
using test::certificate;

const std::string kOk = "ok";

// Seconds from now to `time`.
long from_now(const ASN1_TIME* time) {
  int days = 0;
  int seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, time) == 1);
  return days * 86400L + seconds;
}

CertificateAuthority authority(std::chrono::seconds lifetime = 1h) {
  auto made = CertificateAuthority::create("test-ca", lifetime);
  REQUIRE(made);
  return *made;
}

TEST_CASE("certificate: an authority verifies itself and may sign leaves only", "[pki]") {
  const CertificateAuthority ca = authority();
  CHECK(test::verify(ca.pem().cert_pem, ca.pem().cert_pem, X509_PURPOSE_ANY) == kOk);
  const auto x509 = certificate(ca.pem().cert_pem);
  CHECK(X509_check_ca(x509.get()) == 1);
  CHECK(X509_get_pathlen(x509.get()) == 0);
  CHECK((X509_get_key_usage(x509.get()) & KU_KEY_CERT_SIGN) != 0);
}

TEST_CASE("certificate: key usages hold a leaf to what was asked", "[pki]") {
  struct Row {
    bool server;
    bool client;
  };
  const CertificateAuthority ca = authority();
  for (const Row row : {Row{true, false}, Row{false, true}, Row{true, true}}) {
    const auto leaf = ca.issue({.cn = "x", .server = row.server, .client = row.client}, 1h);
    REQUIRE(leaf);
    CAPTURE(row.server, row.client);
    CHECK((test::verify(leaf->cert_pem, ca.pem().cert_pem, X509_PURPOSE_SSL_SERVER) == kOk) == row.server);
    CHECK((test::verify(leaf->cert_pem, ca.pem().cert_pem, X509_PURPOSE_SSL_CLIENT) == kOk) == row.client);
    CHECK(X509_check_ca(certificate(leaf->cert_pem).get()) == 0);
  }
}

TEST_CASE("certificate: a leaf of another authority is refused", "[pki]") {
  const auto leaf = authority().issue({.cn = "x", .client = true}, 1h);
  REQUIRE(leaf);
  CHECK(test::verify(leaf->cert_pem, authority().pem().cert_pem, X509_PURPOSE_SSL_CLIENT) != kOk);
}

TEST_CASE("certificate: key and certificate belong together, on P-256", "[pki]") {
  const auto leaf = authority().issue({.cn = "x", .client = true}, 1h);
  REQUIRE(leaf);
  const auto key = test::private_key(leaf->key_pem);
  REQUIRE(key);
  CHECK(X509_check_private_key(certificate(leaf->cert_pem).get(), key.get()) == 1);
  char group[32] = {};
  REQUIRE(EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1);
  CHECK(std::string(group) == "prime256v1");
  CHECK(leaf->key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
}

TEST_CASE("certificate: names and addresses are found, others not", "[pki]") {
  const auto leaf = authority().issue(
      {.cn = "x", .dns = {"localhost", "a.b.c"}, .ips = {"127.0.0.1", "10.43.0.1", "fd00::1"}, .server = true}, 1h);
  REQUIRE(leaf);
  for (const char* name : {"localhost", "a.b.c"}) CHECK(test::names_host(leaf->cert_pem, name));
  for (const char* name : {"b.c", "x.a.b.c", "localhost.localdomain"})
    CHECK_FALSE(test::names_host(leaf->cert_pem, name));
  for (const char* ip : {"127.0.0.1", "10.43.0.1", "fd00::1"}) CHECK(test::names_address(leaf->cert_pem, ip));
  CHECK_FALSE(test::names_address(leaf->cert_pem, "10.43.0.2"));
}

TEST_CASE("certificate: text from a configuration can't become another kind of name", "[pki]") {
  // OpenSSL's configuration language would read this as two names.
  const auto leaf = authority().issue({.cn = "x", .dns = {"a.example,DNS:evil.example"}, .server = true}, 1h);
  REQUIRE(leaf);
  CHECK_FALSE(test::names_host(leaf->cert_pem, "evil.example"));
}

TEST_CASE("certificate: the time begins before now and ends as asked, but not after the authority", "[pki]") {
  const CertificateAuthority ca = authority(1h);
  const auto brief = ca.issue({.cn = "x", .client = true}, 10min);
  const auto lengthy = ca.issue({.cn = "x", .client = true}, 24h);
  REQUIRE(brief);
  REQUIRE(lengthy);
  const auto x509 = certificate(brief->cert_pem);
  CHECK(from_now(X509_get0_notBefore(x509.get())) == Approx(-300).margin(5));
  CHECK(from_now(X509_get0_notAfter(x509.get())) == Approx(600).margin(5));
  CHECK(from_now(X509_get0_notAfter(certificate(lengthy->cert_pem).get())) == Approx(3600).margin(5));
}

TEST_CASE("certificate: serial numbers are large, positive and all different", "[pki]") {
  const CertificateAuthority ca = authority();
  std::set<std::string> seen;
  int widest = 0;
  constexpr int kCount = 50;
  for (int i = 0; i < kCount; ++i) {
    const auto leaf = ca.issue({.cn = "x", .client = true}, 1h);
    REQUIRE(leaf);
    const Handle<BIGNUM, BN_free> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate(leaf->cert_pem).get()), nullptr));
    CHECK_FALSE(BN_is_negative(number.get()));
    widest = std::max(widest, BN_num_bits(number.get()));
    char* hex = BN_bn2hex(number.get());
    seen.insert(hex);
    OPENSSL_free(hex);
  }
  CHECK(seen.size() == kCount);
  CHECK(widest > 120);
  CHECK(widest <= 128);
}

TEST_CASE("certificate: groups and a user name longer than X.520 allows", "[pki]") {
  const std::string user = "system:node:" + std::string(63, 'n') + ".example";
  const auto leaf = authority().issue({.cn = user, .orgs = {"system:nodes", "second"}, .client = true}, 1h);
  REQUIRE(leaf);
  CHECK(test::subject(leaf->cert_pem) == "O = system:nodes, O = second, CN = " + user);
}

TEST_CASE("certificate: what is not an address and an empty name are errors", "[pki]") {
  const CertificateAuthority ca = authority();
  const auto address = ca.issue({.cn = "node", .ips = {"10.0.2.300"}, .server = true}, 1h);
  REQUIRE_FALSE(address);
  CHECK(address.error().what == "certificate for node: \"10.0.2.300\" is not an IP address");
  CHECK_FALSE(ca.issue({.cn = "", .client = true}, 1h));
}

TEST_CASE("certificate: a key pair's halves sign and verify", "[pki]") {
  const auto pair = create_key_pair();
  REQUIRE(pair);
  const auto key = test::private_key(pair->private_pem);
  const test::Bio bio(BIO_new_mem_buf(pair->public_pem.data(), static_cast<int>(pair->public_pem.size())));
  const test::Key half(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  REQUIRE(key);
  REQUIRE(half);
  CHECK(EVP_PKEY_eq(key.get(), half.get()) == 1);
  CHECK(pair->public_pem.starts_with("-----BEGIN PUBLIC KEY-----"));
}

}  // namespace
}  // namespace sublet::launcher
