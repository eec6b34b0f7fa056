// SPDX-License-Identifier: Apache-2.0
// Passwords of registries, as people have them in files: a line "user:password", or docker's config.json. Pure. No
// message holds a part of the text, as it may be the password.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sublet::launcher {

/// What a registry is told. A token (an OAuth2 refresh token, as some logins leave it) stands alone.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  bool operator==(const Credentials&) const = default;
};

/// By request_host(), "NAME" or "NAME:PORT".
using CredentialsByHost = std::map<std::string, Credentials>;

/// The host that is asked for the images of `registry`: itself, but for Docker Hub, which has none at docker.io.
[[nodiscard]] std::string request_host(const std::string& registry);

/// What `text` holds for `registry` and its `mirrors` (URLs). A line is for the registry alone: a mirror must not learn
/// a password that was not meant for it. Of "auths" (config.json) each host gets its own. Errors: neither of the two
/// forms, nothing for any of these hosts, a password that docker keeps elsewhere (credsStore).
[[nodiscard]] Result<CredentialsByHost> parse_credentials(std::string_view text, const std::string& registry,
                                                          const std::vector<std::string>& mirrors);

}  // namespace sublet::launcher
