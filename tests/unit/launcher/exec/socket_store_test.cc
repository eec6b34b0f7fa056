// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/socket_store.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <future>
#include <set>

#include "base/sys.h"
#include "base/unix_socket.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0);
  return value;
}

// Answers wishes until the other end is closed; or `wishes` of them, and goes when it is told to.
std::thread giver(UniqueFd channel, int wishes = 1000, std::future<void> go = {}) {
  return std::thread([channel = std::move(channel), wishes, go = std::move(go)]() mutable {
    for (int i = 0; i < wishes; ++i) {
      auto message = receive_message(channel.get());
      if (!message || message->end) return;
      auto wish = wish_from_text(message->text);
      if (!wish || !give_sockets(channel.get(), *wish)) return;
    }
    if (go.valid()) go.wait();
  });
}

}  // namespace

TEST_CASE("socket store: gives of each kind, and as many as are asked for", "[exec]") {
  auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
  std::thread other = giver(std::move(theirs));
  {
    SocketStore store(std::move(ours));
    struct {
      SocketKind kind;
      int domain, type;
    } const cases[] = {{SocketKind::kTcp4, AF_INET, SOCK_STREAM},
                       {SocketKind::kTcp6, AF_INET6, SOCK_STREAM},
                       {SocketKind::kUdp4, AF_INET, SOCK_DGRAM},
                       {SocketKind::kUdp6, AF_INET6, SOCK_DGRAM}};
    for (const auto& c : cases) {
      const UniqueFd socket = store.take(c.kind);
      REQUIRE(socket);
      CHECK(option(socket.get(), SO_DOMAIN) == c.domain);
      CHECK(option(socket.get(), SO_TYPE) == c.type);
    }
    std::vector<UniqueFd> many;
    std::set<int> numbers;
    for (int i = 0; i < 200; ++i) {
      many.push_back(store.take(SocketKind::kTcp4));
      REQUIRE(many.back());
      numbers.insert(many.back().get());
    }
    CHECK(numbers.size() == 200);
    CHECK_FALSE(store.is_over());
  }
  other.join();
}

TEST_CASE("socket store: is over when the cluster is, with what was in store", "[exec]") {
  auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
  std::promise<void> go;
  std::thread other = giver(std::move(theirs), 1, go.get_future());
  SocketStore store(std::move(ours));
  const UniqueFd first = store.take(SocketKind::kTcp4);
  CHECK(first);
  go.set_value();
  other.join();
  CHECK(store.is_over());
  CHECK_FALSE(store.take(SocketKind::kTcp4));
  CHECK_FALSE(store.take(SocketKind::kUdp6));
}
