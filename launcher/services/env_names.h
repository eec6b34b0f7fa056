// SPDX-License-Identifier: Apache-2.0
// Variables by which programs find exposed Services: REDIS_HOST, REDIS_PORT. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sublet::launcher {

/// A port that is had.
struct ReachablePort {
  std::string kind;  // name_of(PortKind)
  std::string ns;
  std::string name;       // the Service's
  std::string port_name;  // may be empty
  std::string address;
  std::uint16_t port = 0;          // of the host
  std::uint16_t service_port = 0;  // of the Service
};

/// As Kubernetes names its variables of Services: upper case, dashes as underscores. A Service of another namespace
/// than "default" has that in front. The first port has NAME_PORT; each that has a name has NAME_PORT_ITSNAME too. Of
/// ways to the same port, `expose` goes before LoadBalancer, and that before NodePort.
[[nodiscard]] std::map<std::string, std::string> service_variables(const std::vector<ReachablePort>& ports);

}  // namespace sublet::launcher
