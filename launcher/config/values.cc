// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/cpu_list.h"
#include "base/strings.h"

namespace sublet::launcher {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_name_char(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

std::optional<std::string> wrong_port(std::string_view text) {
  std::optional<unsigned> port = parse_int<unsigned>(text);
  if (!port || *port == 0 || *port > 65535) return fmt::format("has a port that is none: \"{}\"", text);
  return std::nullopt;
}

std::optional<std::string> wrong_host(std::string_view text, bool with_port) {
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    in6_addr address{};
    if (end == std::string_view::npos ||
        inet_pton(AF_INET6, std::string(text.substr(1, end - 1)).c_str(), &address) != 1) {
      return "has no IPv6 address in its brackets";
    }
    if (end + 1 == text.size()) return std::nullopt;
    if (text[end + 1] != ':' || !with_port) return "has something after its \"]\"";
    return wrong_port(text.substr(end + 2));
  }
  std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    if (!with_port) return "has a port";
    if (std::optional<std::string> wrong = wrong_port(text.substr(colon + 1))) return wrong;
  }
  std::string host(text.substr(0, colon));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return wrong_dns_name(host);
}

/// "~/x", "$NAME", "${NAME}" in a file's path.
Result<std::string> expand(std::string_view text, const Environment& env) {
  auto value_of = [&](const std::string& name) -> Result<std::string> {
    auto found = env.find(name);
    if (found == env.end() || found->second.empty()) return fail(fmt::format("names ${}, which is not set", name));
    return found->second;
  };
  std::string expanded;
  if (text == "~" || text.starts_with("~/")) {
    expanded = TRY(value_of("HOME"));
    text.remove_prefix(1);
  }
  while (!text.empty()) {
    std::size_t dollar = text.find('$');
    expanded += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    bool braced = text.starts_with('{');
    if (braced) text.remove_prefix(1);
    std::size_t end = std::min<std::size_t>(
        static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_name_char) - text.begin()), text.size());
    if (end == 0 || (braced && (end == text.size() || text[end] != '}'))) {
      return fail("has a \"$\" that no variable's name follows");
    }
    expanded += TRY(value_of(std::string(text.substr(0, end))));
    text.remove_prefix(end + (braced ? 1 : 0));
  }
  return expanded;
}

std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(std::move(part));
    }
  }
  return "/" + join(kept, "/");
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::optional<std::string> wrong_dns_label(std::string_view text, std::size_t longest) {
  if (text.empty()) return "is empty";
  if (text.size() > longest) return fmt::format("is longer than {} characters", longest);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; })) {
    return "may only have lower-case letters, digits and \"-\"";
  }
  if (text.front() == '-' || text.back() == '-') return "must start and end with a letter or digit";
  return std::nullopt;
}

std::optional<std::string> wrong_dns_name(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > 253) return "is longer than 253 characters";
  for (const std::string& label : split(text, '.')) {
    if (std::optional<std::string> wrong = wrong_dns_label(label, 63)) {
      return fmt::format("has a label (\"{}\") that {}", label, *wrong);
    }
  }
  return std::nullopt;
}

std::optional<std::string> wrong_registry_host(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return "is a URL: only HOST or HOST:PORT is asked for";
  return wrong_host(text, true);
}

std::optional<std::string> wrong_url(std::string_view text) {
  std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || (text.substr(0, scheme) != "http" && text.substr(0, scheme) != "https")) {
    return "must start with https:// or http://";
  }
  if (has_control_characters(text) || text.find(' ') != std::string_view::npos) return "has a blank in it";
  std::string_view rest = text.substr(scheme + 3);
  if (rest.find_first_of("?#") != std::string_view::npos) return "must have no query and no fragment";
  std::string_view host = rest.substr(0, rest.find('/'));
  if (host.find('@') != std::string_view::npos) return "must not carry a password: use credentials_file";
  return wrong_host(host, true);
}

std::optional<std::string> wrong_device(std::string_view text) {
  constexpr std::size_t kLongest = 15;
  if (text.size() > kLongest) return "is longer than 15 characters";
  if (text == "." || text == ".." || text.find_first_of("/: \t\n") != text.npos) return "is no device's name";
  return std::nullopt;
}

// IsQualifiedName() in k8s.io/apimachinery/pkg/util/validation.
std::optional<std::string> wrong_resource(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return "is not of the form DOMAIN/NAME";
  const std::string_view domain = text.substr(0, slash);
  const std::string_view name = text.substr(slash + 1);
  // The quota of a resource has "requests." before the name.
  constexpr std::size_t kLongestDomain = 253 - std::string_view("requests.").size();
  constexpr std::size_t kLongestName = 63;
  if (domain.size() > kLongestDomain) return fmt::format("has a domain of more than {} characters", kLongestDomain);
  if (std::optional<std::string> wrong = wrong_dns_name(domain)) return "has a domain that " + *wrong;
  // IsNativeResource(): whatever has "kubernetes.io/" in it.
  if (domain.ends_with("kubernetes.io")) return "is in Kubernetes' own domain";
  if (domain.starts_with("requests.")) return "starts with \"requests.\", which quotas do";
  auto is_alnum = [](char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); };
  auto fits = [&](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || name.size() > kLongestName)
    return fmt::format("must have 1 to {} characters after \"/\"", kLongestName);
  if (!std::all_of(name.begin(), name.end(), fits))
    return "may only have letters, digits, \"-\", \"_\" and \".\" after \"/\"";
  if (!is_alnum(name.front()) || !is_alnum(name.back())) return "must start and end with a letter or digit after \"/\"";
  return std::nullopt;
}

// What the name may be of is the specification's to say, which is looked for at the start; here only what could be no
// name at all.
std::optional<std::string> wrong_cdi_name(std::string_view text) {
  constexpr std::size_t kLongest = 512;
  const std::size_t slash = text.find('/');
  const std::size_t equals = text.find('=');
  const bool parts =
      slash != text.npos && equals != text.npos && slash > 0 && equals > slash + 1 && equals + 1 < text.size();
  if (!parts || text.size() > kLongest || has_control_characters(text) || text.find(' ') != text.npos)
    return "is not of the form VENDOR/CLASS=NAME";
  return std::nullopt;
}

std::optional<std::string> wrong_device_path(std::string_view path) {
  if (!path.starts_with("/dev/")) return "is not below /dev";
  for (std::string_view own : {"/dev/pts/", "/dev/shm/"})
    if (path.starts_with(own))
      return fmt::format("is below {}, which the cluster has its own of", own.substr(0, own.size() - 1));
  return std::nullopt;
}

std::optional<std::string> wrong_cores(std::string_view text) {
  if (text == "auto" || text == "all") return std::nullopt;
  if (text.empty()) return "is empty";
  auto cpus = parse_cpu_list(text);
  if (!cpus) return "is not: " + cpus.error().what;
  return std::nullopt;
}

Result<Cidr> parse_cidr(std::string_view text) {
  std::size_t slash = text.find('/');
  in_addr address{};
  std::optional<int> prefix = slash == std::string_view::npos ? std::nullopt : parse_int<int>(text.substr(slash + 1));
  if (!prefix || *prefix < 0 || *prefix > 32 ||
      inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1) {
    return fail("is not an IPv4 network such as 10.42.0.0/24");
  }
  std::uint32_t mask = *prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - *prefix);
  std::uint32_t first = ntohl(address.s_addr);
  if ((first & ~mask) != 0) {
    in_addr network{htonl(first & mask)};
    char shown[INET_ADDRSTRLEN];
    return fail(fmt::format("has host bits set: the network is {}/{}",
                            inet_ntop(AF_INET, &network, shown, sizeof shown), *prefix));
  }
  // RFC 6890: this network, loopback, link-local, multicast and beyond are not for a pod.
  static const Cidr kReserved[] = {
      {0, 0x00ffffff, 8}, {0x7f000000, 0x7fffffff, 8}, {0xa9fe0000, 0xa9feffff, 16}, {0xe0000000, 0xffffffff, 3}};
  Cidr cidr{first, first | ~mask, *prefix};
  for (const Cidr& reserved : kReserved) {
    if (overlap(cidr, reserved))
      return fail("has addresses that no pod can have (0/8, 127/8, 169.254/16, from 224 up)");
  }
  return cidr;
}

bool overlap(const Cidr& a, const Cidr& b) { return a.first <= b.last && b.first <= a.last; }

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t unit = 1;
  if (!text.empty()) {
    if (text.back() == 'm') unit = 60;
    if (text.back() == 'h') unit = 3600;
    if (text.back() == 's' || unit != 1) text.remove_suffix(1);
  }
  std::optional<std::uint32_t> count = parse_int<std::uint32_t>(text);
  if (!count) return std::nullopt;
  return unit * std::int64_t{*count};
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return std::nullopt;
}

Result<std::string> resolve_path(std::string_view text, const TextContext& context) {
  std::string path(text);
  if (context.from_file) path = TRY(expand(text, *context.env));
  if (path.empty()) return fail("is empty");
  if (has_control_characters(path)) return fail("has a control character in it");
  if (path.front() == '/') return without_dots(path);
  if (context.from_file) return fail("is not an absolute path (\"/…\", \"~/…\" or \"$NAME/…\")");
  return without_dots(context.cwd + "/" + path);
}

Result<BindMount> split_bind(std::string_view text) {
  std::vector<std::string> parts = split(text, ':');
  BindMount bind;
  if (!parts.empty() && parts.size() > 1 && (parts.back() == "ro" || parts.back() == "rw")) {
    bind.read_only = parts.back() == "ro";
    parts.pop_back();
  }
  if (parts.empty() || parts.size() > 2 || parts[0].empty() || (parts.size() == 2 && parts[1].empty())) {
    return fail("is not of the form SOURCE[:TARGET[:ro]]");
  }
  bind.source = parts[0];
  bind.target = parts.size() == 2 ? parts[1] : std::string();
  return bind;
}

std::optional<std::string> wrong_bind_target(std::string_view target) {
  if (target == "/") return "is the node's root";
  for (std::string_view own : {"/proc", "/sys"}) {
    if (target == own || target.starts_with(std::string(own) + "/")) {
      return fmt::format("is inside {}, which is the node's own", own);
    }
  }
  return std::nullopt;
}

}  // namespace sublet::launcher
