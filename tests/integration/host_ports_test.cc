// SPDX-License-Identifier: Apache-2.0
// Ports of the host in a network namespace of one's own, where the «pods» are servers on its loopback: what is listened
// at, who gets a connection, and what becomes of those that nobody takes. Doors are e2e/ports' and doors_test's.
#include "bypass/host_ports.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/endpoint.h"
#include "netns/link.h"
#include "tests/support/netns_world.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

const IpAddress kLoopback = *parse_ip("127.0.0.1");

Result<std::uint16_t> number_of(int socket) {
  RawAddress name;
  name.length = sizeof name.storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name.storage), &name.length) != 0)
    return fail_errno("getsockname");
  return endpoint_of(name)->port;
}

Result<UniqueFd> listener(std::uint16_t port = 0, int backlog = 128) {
  UniqueFd socket = TRY(sys::socket(AF_INET, SOCK_STREAM));
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // connections that have ended
  const RawAddress name = raw_address(kLoopback, port);
  if (::bind(socket.get(), name.get(), name.length) != 0) return fail_errno("bind");
  if (::listen(socket.get(), backlog) != 0) return fail_errno("listen");
  return socket;
}

// Says its name to whoever comes, until it is gone.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(std::string name) {
    UniqueFd socket = TRY(listener());
    const std::uint16_t port = TRY(number_of(socket.get()));
    return std::unique_ptr<Server>(new Server(std::move(socket), port, std::move(name)));
  }
  ~Server() {
    (void)::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] PortEndpoint endpoint() const { return {kLoopback, port_, "", false}; }

 private:
  Server(UniqueFd socket, std::uint16_t port, std::string name)
      : socket_(std::move(socket)), port_(port), thread_([this, name = std::move(name)] {
          for (;;) {
            const UniqueFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!peer) return;
            (void)::send(peer.get(), name.data(), name.size(), MSG_NOSIGNAL);
          }
        }) {}
  UniqueFd socket_;
  std::uint16_t port_;
  std::thread thread_;
};

// What one hears there.
std::string hear(std::uint16_t port, const IpAddress& address = kLoopback) {
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress to = raw_address(address, port);
  if (::connect(client.get(), to.get(), to.length) != 0) return errno == ECONNREFUSED ? "(refused)" : "(no way)";
  pollfd waits{client.get(), POLLIN, 0};
  if (::poll(&waits, 1, 5000) != 1) return "(nothing)";
  char buffer[64];
  const ssize_t count = ::recv(client.get(), buffer, sizeof buffer, 0);
  return count < 0 ? "(reset)" : std::string(buffer, static_cast<std::size_t>(count));
}

// The broker's side, and the launcher's end of its channel. Dies with the process.
struct World {
  PodSockets sockets;
  std::unique_ptr<Doors> doors;
  std::unique_ptr<Relay> relay;
  UniqueFd channel;
  UniqueFd theirs;
  std::unique_ptr<HostPorts> ports;

  Result<void> set_up() {
    TRY(netns::bring_up_loopback());
    doors = TRY(Doors::start(sockets));
    relay = TRY(Relay::start());
    std::tie(channel, theirs) = TRY(sys::socketpair(SOCK_SEQPACKET));
    constexpr timeval kPatience{5, 0};
    if (::setsockopt(channel.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0)
      return fail_errno("setsockopt");
    UniqueFd network = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    auto node = std::make_shared<Pod>(Record{}, std::move(network), 1);
    ports = TRY(HostPorts::start({*doors, sockets, *relay, std::move(node), TRY(OwnerCheck::create()), theirs.get()},
                                 kLoopback));
    return {};
  }
  Result<void> tell(const std::vector<HostPort>& table) const {
    const UniqueFd memory = TRY(sys::sealed_memfd("table", to_json(table)));
    return send_message(channel.get(), "table", {memory.get()});
  }
  [[nodiscard]] Result<PortState> told() const {
    return port_state_from_json(TRY(receive_message(channel.get())).text);
  }
  Result<std::uint16_t> port_after(const std::vector<HostPort>& table) const {
    TRY(tell(table));
    const PortState state = TRY(told());
    if (state.port == 0) return fail("no port: " + state.error);
    return state.port;
  }
  [[nodiscard]] std::size_t count(const char* which) const { return ports->report().at(0).at(which); }
};

// The world's threads enter namespaces, which takes rights over the own one: so in a child that has them.
std::string in_world(const std::function<Result<std::string>(World&)>& body) {
  auto inside = test::Namespaces::create();
  if (!inside) return "no namespaces: " + inside.error().what;
  auto said = inside->run([&]() -> Result<std::string> {
    World world;
    TRY(world.set_up());
    return body(world);
  });
  return said ? *said : said.error().what;
}

bool can_run() {
  std::string why = test::become_unprivileged() ? test::why_no_tap() : "root, and no user to become";
  if (!why.empty()) std::printf("skipped: %s\n", why.c_str());
  return why.empty();
}

HostPort any(std::vector<PortEndpoint> endpoints) {
  HostPort port{.key = "expose n/a:1"};
  port.endpoints = std::move(endpoints);
  return port;
}

}  // namespace

TEST_CASE("host ports: endpoints take turns, one that refuses gives way, and none is a reset", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    auto b = TRY(Server::start("b"));
    const PortEndpoint dead = TRY(Server::start("dead"))->endpoint();
    const std::uint16_t port = TRY(world.port_after({any({a->endpoint(), b->endpoint()})}));
    std::string all;
    for (int i = 0; i < 4; ++i) all += hear(port);
    std::sort(all.begin(), all.end());
    all += " ";
    TRY(world.tell({any({a->endpoint(), dead})}));
    (void)::poll(nullptr, 0, 100);
    for (int i = 0; i < 4; ++i) all += hear(port);
    TRY(world.tell({any({dead})}));
    (void)::poll(nullptr, 0, 100);
    all += " " + hear(port);
    return all + " " + std::to_string(world.count("relayed")) + " " + std::to_string(world.count("failed"));
  });
  CHECK(heard == "aabb aaaa (reset) 8 1");
}

TEST_CASE("host ports: without endpoints a port refuses, and keeps its number until it goes", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    const std::uint16_t port = TRY(world.port_after({any({})}));
    std::string all = hear(port);
    const bool free = listener(port).has_value();
    TRY(world.tell({any({a->endpoint()})}));
    (void)::poll(nullptr, 0, 100);
    all += hear(port);
    TRY(world.tell({}));
    (void)::poll(nullptr, 0, 100);
    all += hear(port);
    return all + (free ? " free" : " taken") + (listener(port) ? " free" : " taken");
  });
  CHECK(heard == "(refused)a(refused) taken free");
}

TEST_CASE("host ports: a taken port is told of, and had once it is free; the others are had at once", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    UniqueFd taker = TRY(listener());
    HostPort wanted = any({a->endpoint()});
    wanted.wanted = TRY(number_of(taker.get()));
    HostPort other = any({a->endpoint()});
    other.key = "expose n/b:1";
    TRY(world.tell({wanted, other}));
    const PortState first = TRY(world.told());
    const PortState second = TRY(world.told());
    std::string all = first.error.find("taken by another program") != std::string::npos ? "told" : first.error;
    all += second.port != 0 ? " " + hear(second.port) : " " + second.error;
    taker.reset();
    const PortState then = TRY(world.told());
    all += then.port == wanted.wanted && then.error.empty() ? " had" : " " + then.error;
    return all + " " + hear(then.port);
  });
  CHECK(heard == "told a had a");
}

TEST_CASE("host ports: they move with the host's address, and the numbers with them", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    const std::uint16_t port = TRY(world.port_after({any({a->endpoint()})}));
    const IpAddress other = *parse_ip("127.0.0.2");
    std::string all = hear(port) + hear(port, other);
    world.ports->move_to(other);
    const PortState state = TRY(world.told());
    all += hear(port) + hear(port, other);
    return all + " " + state.address + (state.port == port ? " same" : " another");
  });
  CHECK(heard == "a(refused)(refused)a 127.0.0.2 same");
}

TEST_CASE("host ports: one of an address of its own stays there, and an address of nobody is told of", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    const IpAddress own = *parse_ip("127.0.0.3");
    HostPort port = any({a->endpoint()});
    port.address = own;
    HostPort nowhere = any({a->endpoint()});
    nowhere.key = "expose n/b:1";
    nowhere.address = parse_ip("192.0.2.77");
    TRY(world.tell({port, nowhere}));
    const PortState had = TRY(world.told());
    const PortState not_had = TRY(world.told());
    std::string all = had.address + " " + hear(had.port) + hear(had.port, own) + " " + not_had.error;
    world.ports->move_to(*parse_ip("127.0.0.2"));
    (void)::poll(nullptr, 0, 100);
    all += " " + hear(had.port, own) + hear(had.port, *parse_ip("127.0.0.2"));
    port.address.reset();
    TRY(world.tell({port}));
    const PortState then = TRY(world.told());
    return all + " " + then.address + " " + hear(then.port, *parse_ip(then.address)) + hear(had.port, own);
  });
  CHECK(heard == "127.0.0.3 (refused)a 192.0.2.77 is no address of this host a(refused) 127.0.0.2 a(refused)");
}

TEST_CASE("host ports: of those who wait for a pod, so many are with the broker and the rest with the kernel",
          "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    const UniqueFd deaf = TRY(listener(0, 1));
    const PortEndpoint nobody{kLoopback, TRY(number_of(deaf.get())), "", false};
    HostPort other = any({a->endpoint()});
    other.key = "expose n/b:1";
    TRY(world.tell({any({nobody}), other}));
    const PortState first = TRY(world.told());
    const PortState second = TRY(world.told());
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 400; ++i) {
      clients.push_back(TRY(sys::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK)));
      const RawAddress to = raw_address(kLoopback, first.port);
      (void)::connect(clients.back().get(), to.get(), to.length);
    }
    (void)::poll(nullptr, 0, 500);
    const std::size_t waiting = world.count("waiting");
    std::string all = waiting == 256 ? "full" : std::to_string(waiting);
    all += " " + hear(second.port);
    // They go, and so do the visitors once the pod has gone too.
    clients.clear();
    TRY(world.tell({any({a->endpoint()}), other}));
    (void)::poll(nullptr, 0, 100);
    return all;
  });
  CHECK(heard == "full a");
}

TEST_CASE("host ports: affinity holds a client, and what is no table is not taken for one", "[bypass]") {
  if (!can_run()) return;
  const std::string heard = in_world([](World& world) -> Result<std::string> {
    auto a = TRY(Server::start("a"));
    auto b = TRY(Server::start("b"));
    HostPort port = any({a->endpoint(), b->endpoint()});
    port.affinity = 100;
    const std::uint16_t number = TRY(world.port_after({port}));
    std::string all;
    for (int i = 0; i < 4; ++i) all += hear(number);
    const std::string nonsense = "[{]";
    const UniqueFd memory = TRY(sys::sealed_memfd("table", nonsense));
    TRY(send_message(world.channel.get(), "table", {memory.get()}));
    TRY(send_message(world.channel.get(), "what?"));
    (void)::poll(nullptr, 0, 100);
    return all + hear(number);
  });
  CHECK((heard == "aaaaa" || heard == "bbbbb"));
}
