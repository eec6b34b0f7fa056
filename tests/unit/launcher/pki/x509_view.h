// SPDX-License-Identifier: Apache-2.0
// For the tests: certificates as OpenSSL's own verifier sees them.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

#include "base/handle.h"

namespace sublet::launcher::test {

using Certificate = Handle<X509, X509_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free>;

inline Certificate certificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

inline Key private_key(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

// "ok", or why OpenSSL does not accept `leaf` for `purpose` (X509_PURPOSE_*) when it trusts `authority`.
inline std::string verify(const std::string& leaf, const std::string& authority, int purpose) {
  const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Certificate trusted = certificate(authority);
  const Certificate tested = certificate(leaf);
  X509_STORE_add_cert(store.get(), trusted.get());
  const Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), tested.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  (void)X509_verify_cert(context.get());
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

// "O = system:masters, CN = kubernetes-admin"
inline std::string subject(const std::string& pem) {
  const Certificate tested = certificate(pem);
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(tested.get()), 0, XN_FLAG_ONELINE);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

inline bool names_host(const std::string& pem, const std::string& host) {
  return X509_check_host(certificate(pem).get(), host.data(), host.size(), 0, nullptr) == 1;
}

inline bool names_address(const std::string& pem, const std::string& address) {
  return X509_check_ip_asc(certificate(pem).get(), address.c_str(), 0) == 1;
}

}  // namespace sublet::launcher::test
