// SPDX-License-Identifier: Apache-2.0
// Renders kubeconfig files. The text is JSON, which every reader of kubeconfig (YAML) takes.
#pragma once

#include <string>

#include "launcher/pki/certificate.h"

namespace sublet::launcher {

struct KubeconfigPlan {
  std::string server;  // "https://127.0.0.1:6443"
  std::string ca_pem;
  KeyAndCert client;
  std::string cluster = "sublet";  // names inside the file only
  std::string user = "admin";
  std::string name_space = "default";
  /// The name that the server's certificate is checked for, where it is not that of `server`; empty: that of `server`.
  std::string tls_server_name;
};

/// One cluster, one user, one context (named as the cluster), all data embedded. It holds a private key: mode 0600.
[[nodiscard]] std::string kubeconfig(const KubeconfigPlan& plan);

/// RFC 4648 section 4, padded, one line.
[[nodiscard]] std::string base64(std::string_view data);

}  // namespace sublet::launcher
