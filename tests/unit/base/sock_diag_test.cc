// SPDX-License-Identifier: Apache-2.0
#include "bypass/sock_diag.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace sublet;
using namespace sublet::bypass;

TEST_CASE("sock_diag: one connection is asked for, from the side of whose socket it is", "[bypass]") {
  for (const auto& [own, peer, family] :
       {std::tuple("192.0.2.1", "192.0.2.2", AF_INET), std::tuple("2001:db8::1", "2001:db8::2", AF_INET6)}) {
    const Endpoint here{*parse_ip(own), 80, false, 0};
    const Endpoint there{*parse_ip(peer), 40000, false, 0};
    const DiagRequest request = diag_request(here, there, 7);
    CHECK(request.header.nlmsg_len == sizeof request);
    CHECK(request.header.nlmsg_seq == 7);
    CHECK(request.body.sdiag_family == family);
    const inet_diag_sockid& id = request.body.id;
    CHECK(ntohs(id.idiag_sport) == 80);
    CHECK(ntohs(id.idiag_dport) == 40000);
    CHECK(std::memcmp(id.idiag_src, here.address.bytes.data(), sizeof id.idiag_src) == 0);
    CHECK(std::memcmp(id.idiag_dst, there.address.bytes.data(), sizeof id.idiag_dst) == 0);
    CHECK(id.idiag_cookie[0] == INET_DIAG_NOCOOKIE);
  }
}
