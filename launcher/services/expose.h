// SPDX-License-Identifier: Apache-2.0
// What `sublet expose` means by its words. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "launcher/services/values.h"

namespace sublet::launcher {

/// "svc/redis:6379", "service/redis:http", "svc/redis".
struct ServiceName {
  std::string name;
  std::string port;  // number or name; empty: the only one
};
[[nodiscard]] Result<ServiceName> parse_service_name(std::string_view word);

/// The port of the Service that is meant. Errors say what there is instead.
[[nodiscard]] Result<ServicePort> choose_port(const ServiceObject& service, const std::string& wanted);

/// Between verb and launcher, over the control socket.
struct ExposeRequest {
  std::string action = "list";  // expose, remove, list
  std::string ns;
  ServiceName service;
  std::uint16_t wanted = 0;
  bool open = false;
};
[[nodiscard]] std::string to_json(const ExposeRequest& request);
[[nodiscard]] Result<ExposeRequest> expose_request_from_json(std::string_view text);

}  // namespace sublet::launcher
