// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>

#include "base/handle.h"

namespace sublet::launcher {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;
using Bio = Handle<BIO, BIO_free>;

constexpr int kSerialBits = 128;  // RFC 5280 4.1.2.2 allows 20 octets

Unexpected openssl_error(std::string_view doing) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(std::string(doing) + ": OpenSSL: " + text.data());
}

template <typename Write>
Result<std::string> pem_of(Write write) {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return openssl_error("writing PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<std::string> private_pem(EVP_PKEY* key) {
  return pem_of(
      [&](BIO* bio) { return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

Result<std::string> certificate_pem(X509* certificate) {
  return pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

Result<Key> new_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("making an EC P-256 key");
  return key;
}

Result<void> set_serial(X509* certificate) {
  Handle<BIGNUM, BN_free> number(BN_new());
  if (!number || BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr)
    return openssl_error("making a serial number");
  return {};
}

Result<void> add_name(X509_NAME* name, int nid, const std::string& text) {
  // Not MBSTRING_UTF8: that would hold a common name to X.520's 64 characters, and system:node:NAME may be longer. Go,
  // which reads these, has no such limit.
  if (X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()), -1, 0) != 1)
    return openssl_error("naming " + text);
  return {};
}

Result<void> set_subject(X509* certificate, const CertificateRequest& request) {
  if (request.cn.empty()) return fail("a certificate without a common name");
  X509_NAME* name = X509_get_subject_name(certificate);
  for (const std::string& org : request.orgs) TRY(add_name(name, NID_organizationName, org));
  return add_name(name, NID_commonName, request.cn);
}

// `value` is fixed text of ours in OpenSSL's configuration language; text from elsewhere must never come this way.
Result<void> add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Handle<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return openssl_error(std::string("adding ") + OBJ_nid2sn(nid));
  return {};
}

Result<void> add_alternative(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  if (name == nullptr) {
    ASN1_STRING_free(value);
    return openssl_error("adding an alternative name");
  }
  GENERAL_NAME_set0_value(name, type, value);
  if (sk_GENERAL_NAME_push(names, name) == 0) {
    GENERAL_NAME_free(name);
    return openssl_error("adding an alternative name");
  }
  return {};
}

Result<void> add_alternatives(X509* certificate, const CertificateRequest& request) {
  if (request.dns.empty() && request.ips.empty()) return {};
  Handle<GENERAL_NAMES, GENERAL_NAMES_free> names(GENERAL_NAMES_new());
  if (!names) return openssl_error("adding alternative names");
  for (const std::string& dns : request.dns) {
    Handle<ASN1_STRING, ASN1_STRING_free> text(ASN1_IA5STRING_new());
    if (!text || ASN1_STRING_set(text.get(), dns.data(), static_cast<int>(dns.size())) != 1)
      return openssl_error("adding the name " + dns);
    TRY(add_alternative(names.get(), GEN_DNS, text.release()));
  }
  for (const std::string& ip : request.ips) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(ip.c_str());
    if (address == nullptr) {
      ERR_clear_error();
      return fail("certificate for " + request.cn + ": \"" + ip + "\" is not an IP address");
    }
    TRY(add_alternative(names.get(), GEN_IPADD, address));
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return openssl_error("adding alternative names");
  return {};
}

Result<Certificate> new_certificate(EVP_PKEY* key, const CertificateRequest& subject, std::chrono::seconds lifetime) {
  Certificate certificate(X509_new());
  if (!certificate) return openssl_error("X509_new");
  const std::time_t now = std::time(nullptr);
  if (X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), now - kClockSkew.count()) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), now + lifetime.count()) == nullptr ||
      X509_set_pubkey(certificate.get(), key) != 1)
    return openssl_error("filling a certificate");
  TRY(set_serial(certificate.get()));
  TRY(set_subject(certificate.get(), subject));
  return certificate;
}

Result<void> sign(X509* certificate, EVP_PKEY* key) {
  if (X509_sign(certificate, key, EVP_sha256()) == 0) return openssl_error("signing a certificate");
  return {};
}

// A chain is only as valid as its authority: a leaf that says more would mislead whoever reads its date.
Result<void> end_no_later_than(X509* certificate, const X509* authority) {
  if (ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(authority)) <= 0) return {};
  if (X509_set1_notAfter(certificate, X509_get0_notAfter(authority)) != 1)
    return openssl_error("setting a certificate's end");
  return {};
}

}  // namespace

Result<CertificateAuthority> CertificateAuthority::create(const std::string& cn, std::chrono::seconds lifetime) {
  Key key = TRY(new_key());
  Certificate certificate = TRY(new_certificate(key.get(), CertificateRequest{.cn = cn}, lifetime));
  X509* x509 = certificate.get();
  if (X509_set_issuer_name(x509, X509_get_subject_name(x509)) != 1) return openssl_error("naming the issuer");
  TRY(add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  TRY(add_extension(x509, x509, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"));
  TRY(add_extension(x509, x509, NID_subject_key_identifier, "hash"));
  TRY(add_extension(x509, x509, NID_authority_key_identifier, "keyid:always"));
  TRY(sign(x509, key.get()));
  CertificateAuthority authority;
  authority.pem_ = {TRY(private_pem(key.get())), TRY(certificate_pem(x509))};
  authority.key_ = std::move(key);
  authority.certificate_ = std::move(certificate);
  return authority;
}

Result<KeyAndCert> CertificateAuthority::issue(const CertificateRequest& request, std::chrono::seconds lifetime) const {
  Key key = TRY(new_key());
  Certificate certificate = TRY(new_certificate(key.get(), request, lifetime));
  X509* x509 = certificate.get();
  TRY(end_no_later_than(x509, certificate_.get()));
  if (X509_set_issuer_name(x509, X509_get_subject_name(certificate_.get())) != 1)
    return openssl_error("naming the issuer");
  TRY(add_extension(x509, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE"));
  TRY(add_extension(x509, certificate_.get(), NID_key_usage, "critical,digitalSignature"));
  if (request.server || request.client) {
    const char* usage = request.server && request.client ? "serverAuth,clientAuth"
                        : request.server                 ? "serverAuth"
                                                         : "clientAuth";
    TRY(add_extension(x509, certificate_.get(), NID_ext_key_usage, usage));
  }
  TRY(add_extension(x509, certificate_.get(), NID_authority_key_identifier, "keyid:always"));
  TRY(add_alternatives(x509, request));
  TRY(sign(x509, key_.get()));
  return KeyAndCert{TRY(private_pem(key.get())), TRY(certificate_pem(x509))};
}

Result<KeyPair> create_key_pair() {
  Key key = TRY(new_key());
  return KeyPair{TRY(private_pem(key.get())),
                 TRY(pem_of([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); }))};
}

}  // namespace sublet::launcher
