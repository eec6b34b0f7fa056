// SPDX-License-Identifier: Apache-2.0
#include "launcher/pki/kubeconfig.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

namespace sublet::launcher {

std::string base64(std::string_view data) {
  std::string text((data.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a NUL
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string kubeconfig(const KubeconfigPlan& plan) {
  using Json = nlohmann::ordered_json;
  Json cluster = {{"server", plan.server}, {"certificate-authority-data", base64(plan.ca_pem)}};
  if (!plan.tls_server_name.empty()) cluster["tls-server-name"] = plan.tls_server_name;
  const Json user = {{"client-certificate-data", base64(plan.client.cert_pem)},
                     {"client-key-data", base64(plan.client.key_pem)}};
  const Json context = {{"cluster", plan.cluster}, {"user", plan.user}, {"namespace", plan.name_space}};
  const Json file = {{"apiVersion", "v1"},
                     {"kind", "Config"},
                     {"clusters", Json::array({{{"name", plan.cluster}, {"cluster", cluster}}})},
                     {"users", Json::array({{{"name", plan.user}, {"user", user}}})},
                     {"contexts", Json::array({{{"name", plan.cluster}, {"context", context}}})},
                     {"current-context", plan.cluster}};
  return file.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sublet::launcher
