// SPDX-License-Identifier: Apache-2.0
// What the texts in a configuration must look like, and what they become. Pure: no file is looked at. Each check
// returns what is wrong, as the end of a sentence ("is longer than 32 characters"), or nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "launcher/config/config.h"

namespace sublet::launcher {

using Environment = std::map<std::string, std::string>;

/// What a text means depends on who wrote it: in a file, "~/" and "$NAME" are ours to expand (a shell has done so for
/// flags and variables) and a relative path has no sense; elsewhere it starts at the working directory.
struct TextContext {
  bool from_file = false;
  std::string origin = {};  // the file, the variable, the flag
  std::string cwd;
  const Environment* env = nullptr;
};

/// RFC 1123: letters, digits and '-' inside; lower case; at most `longest`.
[[nodiscard]] std::optional<std::string> wrong_dns_label(std::string_view text, std::size_t longest);
/// Labels joined by dots, 253 characters at most (RFC 1035, 2.3.4).
[[nodiscard]] std::optional<std::string> wrong_dns_name(std::string_view text);
/// "host", "host:port", "1.2.3.4:5000", "[::1]:5000".
[[nodiscard]] std::optional<std::string> wrong_registry_host(std::string_view text);
/// http:// or https://, a host, and maybe a path.
[[nodiscard]] std::optional<std::string> wrong_url(std::string_view text);

struct Cidr {
  std::uint32_t first = 0;  // host byte order
  std::uint32_t last = 0;
  int prefix = 0;
};
/// Wrong with a network device's name (IFNAMSIZ, dev_valid_name() in net/core/dev.c); empty is none.
[[nodiscard]] std::optional<std::string> wrong_device(std::string_view text);
/// Wrong with the name of an extended resource (IsExtendedResourceName() in pkg/apis/core/helper/helpers.go):
/// "DOMAIN/NAME", not of Kubernetes' own domain.
[[nodiscard]] std::optional<std::string> wrong_resource(std::string_view text);
/// Wrong with a CDI device's name, "vendor.org/class=name".
[[nodiscard]] std::optional<std::string> wrong_cdi_name(std::string_view text);
/// Wrong with a device node's path: it must be one that is seen inside, too.
[[nodiscard]] std::optional<std::string> wrong_device_path(std::string_view path);
/// "auto", "all", or a list of CPUs.
[[nodiscard]] std::optional<std::string> wrong_cores(std::string_view text);

/// An IPv4 network in its normal form ("10.42.0.0/24": no host bits), usable for unicast.
[[nodiscard]] Result<Cidr> parse_cidr(std::string_view text);
[[nodiscard]] bool overlap(const Cidr& a, const Cidr& b);

/// "90", "90s", "3m", "1h" as seconds.
[[nodiscard]] std::optional<std::int64_t> parse_seconds(std::string_view text);
/// true/false, yes/no, on/off, 1/0.
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);

/// An absolute path without ".", ".." or doubled slashes (resolved by text alone: no link is followed).
[[nodiscard]] Result<std::string> resolve_path(std::string_view text, const TextContext& context);

/// SRC[:DST[:ro|rw]] or SRC:ro. The paths are still as written.
[[nodiscard]] Result<BindMount> split_bind(std::string_view text);
/// The node's own file systems cannot be bound over.
[[nodiscard]] std::optional<std::string> wrong_bind_target(std::string_view target);

}  // namespace sublet::launcher
