// SPDX-License-Identifier: Apache-2.0
// What is known of a container that is watched: written by the OCI wrapper, kept by the keeper, used by the broker.
// Light: the wrapper includes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sublet::bypass {

/// Where in the cluster's namespaces the keeper listens (SOCK_SEQPACKET). One message a connection: a Record as JSON,
/// with the listener and the pod's network namespace as descriptors, in this order. Answer: "ok", or what is wrong.
inline constexpr const char* kKeeperSocket = "/run/sublet/sock/bypass";

enum class Level : std::uint8_t {
  kOff,   // no filter at all: everything goes through the tap
  kFast,  // outgoing TCP runs as the host's
  // And so do datagrams of UDP sockets that are connected. The device holds no program with such a socket: sendmsg(2)
  // names another peer, which seccomp does not see, and another device, by IP_PKTINFO (ip_cmsg_send(),
  // net/ipv4/ip_sockglue.c, puts it in the place of the socket's). Only for who is trusted.
  kFastUdp,
};
[[nodiscard]] const char* name_of(Level level);
[[nodiscard]] Result<Level> level_from(std::string_view name);

struct Record {
  std::string pod_uid;
  std::string pod_namespace;
  std::string pod_name;
  std::string container;     // its name in the pod
  std::string container_id;  // the runtime's
  Level level = Level::kFast;
  bool killable = false;  // see Installed

  bool operator==(const Record&) const = default;
};

[[nodiscard]] std::string to_json(const Record& record);
/// Checked: unknown keys, wrong types, and names longer than Kubernetes allows are errors.
[[nodiscard]] Result<Record> record_from_json(std::string_view text);

}  // namespace sublet::bypass
