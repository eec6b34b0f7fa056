// SPDX-License-Identifier: Apache-2.0
#include "netns/resolv_conf.h"

#include <algorithm>

#include "base/strings.h"

namespace sublet::netns {
namespace {

constexpr std::size_t kMaxNameservers = 3;  // MAXNS of <resolv.h>
constexpr std::size_t kMaxSearch = 32;      // glibc before 2.26 takes 6; kubelet complains above 32
constexpr std::size_t kMaxOptions = 32;
constexpr std::size_t kMaxWordBytes = 255;  // a domain name's (RFC 1035)

bool printable(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 127; });
}

std::vector<std::string> sane_words(std::vector<std::string> list, std::size_t limit) {
  std::erase_if(list, [](const std::string& word) { return word.size() > kMaxWordBytes || !printable(word); });
  if (list.size() > limit) list.resize(limit);
  return list;
}

bool is_loopback(const IpAddress& address) {
  static const Cidr v4 = *parse_cidr("127.0.0.0/8");
  static const Cidr v4_any = *parse_cidr("0.0.0.0/8");
  static const Cidr low_v6 = *parse_cidr("::/96");  // "::", "::1"
  static const Cidr mapped = *parse_cidr("::ffff:0:0/96");
  return contains(v4, address) || contains(v4_any, address) || contains(low_v6, address) || contains(mapped, address);
}

bool is_link_local(const IpAddress& address) {
  static const Cidr v4 = *parse_cidr("169.254.0.0/16");
  static const Cidr v6 = *parse_cidr("fe80::/10");
  return contains(v4, address) || contains(v6, address);
}

void take_nameserver(ResolvConf& conf, const std::string& word) {
  if (conf.nameservers.size() == kMaxNameservers) return;
  auto percent = word.find('%');
  auto address = parse_ip(std::string_view(word).substr(0, percent));
  if (!address) return;
  std::string zone = percent == std::string::npos ? "" : word.substr(percent);
  if (!printable(zone) || zone.size() > 16) return;  // IFNAMSIZ
  conf.nameservers.push_back(*address);
  conf.zones.push_back(std::move(zone));
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  for (const std::string& line : lines(text)) {
    // The keyword starts in the first column; '#' and ';' start a comment there.
    if (line.empty() || line.front() == ' ' || line.front() == '\t') continue;
    std::vector<std::string> parts = words(line.substr(0, line.find_first_of("\r\0", 0, 2)));
    if (parts.size() < 2) continue;
    std::string keyword = parts.front();
    parts.erase(parts.begin());
    if (keyword == "nameserver") {
      take_nameserver(conf, parts.front());
    } else if (keyword == "domain") {
      conf.search = sane_words({parts.front()}, 1);
    } else if (keyword == "search") {
      conf.search = sane_words(std::move(parts), kMaxSearch);
    } else if (keyword == "options") {
      for (std::string& option : sane_words(std::move(parts), kMaxOptions))
        if (conf.options.size() < kMaxOptions) conf.options.push_back(std::move(option));
    }
  }
  return conf;
}

std::string resolv_conf_inside(const ResolvConf& host, const std::vector<IpAddress>& virtual_servers) {
  std::vector<IpAddress> servers = virtual_servers;
  for (std::size_t i = 1; i < host.nameservers.size(); ++i) {
    const IpAddress& server = host.nameservers[i];
    bool known = std::find(servers.begin(), servers.end(), server) != servers.end();
    if (!known && !is_loopback(server) && !is_link_local(server)) servers.push_back(server);
  }
  if (servers.size() > kMaxNameservers) servers.resize(kMaxNameservers);
  std::string text;
  for (const IpAddress& server : servers) text += "nameserver " + server.text() + "\n";
  if (!host.search.empty()) text += "search " + join(host.search, " ") + "\n";
  if (!host.options.empty()) text += "options " + join(host.options, " ") + "\n";
  return text;
}

std::string resolv_conf_for_driver(const ResolvConf& host) {
  std::string text;
  for (std::size_t i = 0; i < host.nameservers.size(); ++i)
    text += "nameserver " + host.nameservers[i].text() + host.zones[i] + "\n";
  return text.empty() ? "nameserver 127.0.0.1\n" : text;
}

bool has_v4_nameserver(const ResolvConf& host) {
  if (host.nameservers.empty()) return true;  // the default of resolv_conf_for_driver()
  return std::any_of(host.nameservers.begin(), host.nameservers.end(), [](const IpAddress& a) { return !a.v6; });
}

bool has_v6_nameserver(const ResolvConf& host) {
  return std::any_of(host.nameservers.begin(), host.nameservers.end(), [](const IpAddress& a) { return a.v6; });
}

}  // namespace sublet::netns
