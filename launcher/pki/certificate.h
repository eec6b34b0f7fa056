// SPDX-License-Identifier: Apache-2.0
// Certificates, made in this process by OpenSSL: EC P-256 keys, ECDSA with SHA-256, X.509 v3. Everything is PEM text in
// memory; who writes it to a file chooses the mode (0600). Nothing here knows Kubernetes: see cluster_pki.h.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;
struct x509_st;

namespace sublet::launcher {

/// A private key (PKCS #8) and its certificate, both PEM.
struct KeyAndCert {
  std::string key_pem;
  std::string cert_pem;
};

/// A key pair without a certificate: PKCS #8 and SubjectPublicKeyInfo, both PEM.
struct KeyPair {
  std::string private_pem;
  std::string public_pem;
};

/// Who a certificate is for. Kubernetes reads `cn` as the user and `orgs` as the groups of a client.
struct CertificateRequest {
  std::string cn;
  std::vector<std::string> orgs;
  std::vector<std::string> dns;  // subject alternative names
  std::vector<std::string> ips;  // the same, IPv4 or IPv6 in text
  bool server = false;           // extended key usage serverAuth
  bool client = false;           // extended key usage clientAuth
};

/// Certificates are valid from this long before now: the clocks of a job's hosts differ a little.
inline constexpr std::chrono::seconds kClockSkew = std::chrono::minutes(5);

/// A self-signed authority and its key.
class CertificateAuthority {
 public:
  /// A new key and certificate, valid for `lifetime` from now; it may sign leaves only (path length 0, RFC
  /// 5280 4.2.1.9).
  [[nodiscard]] static Result<CertificateAuthority> create(const std::string& cn, std::chrono::seconds lifetime);

  /// A new key and a certificate for it, for at most `lifetime` from now and never beyond the authority's own end.
  /// Errors: an address that is none, an empty cn.
  [[nodiscard]] Result<KeyAndCert> issue(const CertificateRequest& request, std::chrono::seconds lifetime) const;

  [[nodiscard]] const KeyAndCert& pem() const { return pem_; }

 private:
  CertificateAuthority() = default;
  KeyAndCert pem_;
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
};

/// A new EC P-256 key pair, for signing service account tokens (ES256).
[[nodiscard]] Result<KeyPair> create_key_pair();

}  // namespace sublet::launcher
