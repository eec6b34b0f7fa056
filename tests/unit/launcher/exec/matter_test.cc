// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/matter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace sublet;
using namespace sublet::launcher;

namespace {

bypass::RawAddress v4(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  REQUIRE(::inet_pton(AF_INET, text, &address.sin_addr) == 1);
  bypass::RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof address);
  raw.length = sizeof address;
  return raw;
}

bypass::RawAddress v6(const char* text, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  REQUIRE(::inet_pton(AF_INET6, text, &address.sin6_addr) == 1);
  bypass::RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof address);
  raw.length = sizeof address;
  return raw;
}

// `room`: bytes of the path that are counted; its end's zero need not be among them.
bypass::RawAddress local(std::string_view path, std::size_t room) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  bypass::RawAddress raw;
  std::memcpy(&raw.storage, &address, sizeof address);
  raw.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + room);
  return raw;
}

const std::vector<Cidr> kCluster = {*parse_cidr("10.42.0.0/24"), *parse_cidr("10.43.0.0/16")};

}  // namespace

TEST_CASE("matter: what is the cluster's by its address", "[exec]") {
  CHECK(matter_of(v4("10.42.0.7", 80), kCluster) == Matter::kCluster);
  CHECK(matter_of(v4("10.43.255.255", 6379), kCluster) == Matter::kCluster);
  CHECK(matter_of(v6("::ffff:10.43.0.10", 80), kCluster) == Matter::kCluster);
  CHECK(matter_of(v4("10.43.0.10", 53), kCluster) == Matter::kCluster);  // its name server, asked by address
  CHECK(matter_of(v4("10.42.1.7", 80), kCluster) == Matter::kElsewhere);
  CHECK(matter_of(v4("127.0.0.1", 80), kCluster) == Matter::kElsewhere);
  CHECK(matter_of(v6("2001:db8::10.43.0.10", 80), kCluster) == Matter::kElsewhere);
}

TEST_CASE("matter: name servers by their port", "[exec]") {
  CHECK(matter_of(v4("127.0.0.53", 53), kCluster) == Matter::kNameServer);
  CHECK(matter_of(v6("::1", 53), kCluster) == Matter::kNameServer);
  CHECK(matter_of(v4("192.0.2.1", 5353), kCluster) == Matter::kElsewhere);
}

TEST_CASE("matter: services of the host that answer for names", "[exec]") {
  for (const std::string_view path :
       {"/var/run/nscd/socket", "/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"}) {
    CAPTURE(path);
    CHECK(matter_of(local(path, 108), kCluster) == Matter::kNameCache);
    CHECK(matter_of(local(path, path.size()), kCluster) == Matter::kNameCache);
    CHECK(matter_of(local(path, path.size() - 1), kCluster) == Matter::kElsewhere);
  }
  CHECK(matter_of(local("/run/systemd/journal/socket", 108), kCluster) == Matter::kElsewhere);
  CHECK(matter_of(local(std::string_view("\0/run/nscd/socket", 17), 17), kCluster) == Matter::kElsewhere);
}

TEST_CASE("matter: what is no address is left to the kernel", "[exec]") {
  bypass::RawAddress raw = v4("10.43.0.1", 80);
  for (socklen_t length = 0; length < sizeof(sockaddr_in); ++length) {
    raw.length = length;
    CHECK(matter_of(raw, kCluster) == Matter::kElsewhere);
  }
  raw = v4("10.43.0.1", 80);
  raw.storage.ss_family = AF_UNSPEC;
  CHECK(matter_of(raw, kCluster) == Matter::kElsewhere);
}
