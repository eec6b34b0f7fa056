// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

const std::string kTwoForms =
    R"(it holds one line "user:password", or {"auths": {"HOST": {"auth": …}}} as docker login)"
    " writes it";

// The host of a URL, or of what stands for one in config.json: "https://index.docker.io/v1/", "host:5000".
std::string host_of(std::string_view url) {
  if (auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find('/')));
}

std::optional<unsigned> base64_digit(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t value = kDigits.find(c);
  return value == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(value));
}

// RFC 4648 4, padded.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = base64_digit(c);
    if (!digit) return std::nullopt;
    bits = bits << 6 | *digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
    bits &= (1U << count) - 1;
  }
  return bytes;
}

// What can stand in containerd's configuration: UTF-8 without control characters.
bool is_printable(const std::string& text) {
  const bool control = std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  // What is not UTF-8 is left out by the writer, so it does not come back.
  const std::string written = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
  return !control && nlohmann::json::parse(written, nullptr, false) == nlohmann::json(text);
}

Result<Credentials> from_pair(const std::string& pair) {
  const std::size_t colon = pair.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == pair.size() || !is_printable(pair))
    return fail("no user and password", kTwoForms, ExitCode::kUsage);
  return Credentials{pair.substr(0, colon), pair.substr(colon + 1), ""};
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// One entry of "auths". Docker leaves an empty one for a password that it keeps elsewhere.
Result<Credentials> from_entry(const nlohmann::json& entry) {
  if (!entry.is_object()) return fail("not an object", kTwoForms, ExitCode::kUsage);
  if (std::string token = text_of(entry, "identitytoken"); !token.empty() && is_printable(token))
    return Credentials{"", "", std::move(token)};
  if (const std::string auth = text_of(entry, "auth"); !auth.empty()) {
    const auto pair = from_base64(auth);
    if (!pair) return fail("\"auth\" is no base64", kTwoForms, ExitCode::kUsage);
    return from_pair(*pair);
  }
  if (const std::string user = text_of(entry, "username"); !user.empty())
    return from_pair(user + ":" + text_of(entry, "password"));
  return fail("no password is in the file",
              "docker may keep it in a helper (credsStore): write a line \"user:password\" instead", ExitCode::kUsage);
}

Result<CredentialsByHost> from_auths(const nlohmann::json& config, const std::set<std::string>& hosts) {
  const auto auths = config.find("auths");
  if (auths == config.end() || !auths->is_object()) return fail("no \"auths\"", kTwoForms, ExitCode::kUsage);
  CredentialsByHost found;
  for (const auto& [key, entry] : auths->items()) {
    const std::string host = request_host(host_of(key));
    if (hosts.contains(host)) found[host] = TRY_WHILE(host, from_entry(entry));
  }
  if (found.empty())
    return fail("nothing for " + join({hosts.begin(), hosts.end()}, " or "), "docker login writes it",
                ExitCode::kUsage);
  return found;
}

}  // namespace

std::string request_host(const std::string& registry) {
  return registry == "docker.io" || registry == "index.docker.io" ? "registry-1.docker.io" : registry;
}

Result<CredentialsByHost> parse_credentials(std::string_view text, const std::string& registry,
                                            const std::vector<std::string>& mirrors) {
  const std::string_view trimmed = trim(text);
  if (trimmed.starts_with('{')) {
    const auto config = nlohmann::json::parse(trimmed, nullptr, false);
    if (!config.is_object()) return fail("not JSON", kTwoForms, ExitCode::kUsage);
    std::set<std::string> hosts = {request_host(registry)};
    for (const std::string& mirror : mirrors) hosts.insert(request_host(host_of(mirror)));
    return from_auths(config, hosts);
  }
  // A password may begin or end with a blank: only the end of the line goes.
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return CredentialsByHost{{request_host(registry), TRY(from_pair(std::string(text)))}};
}

}  // namespace sublet::launcher
