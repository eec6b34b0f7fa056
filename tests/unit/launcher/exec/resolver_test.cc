// SPDX-License-Identifier: Apache-2.0
// The resolver between two name servers of the test's own, on loopback: one is the host's, one the cluster's.
#include "launcher/exec/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

#include "base/sys.h"
#include "base/unix_socket.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;

// Only for what never comes: a machine with many other things to do may need seconds for any step.
constexpr int kPatienceMs = 30000;

struct Bound {
  UniqueFd fd;
  bypass::RawAddress address;
};

Bound bound_socket() {
  Bound made{UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), {}};
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(made.fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  made.address.length = sizeof made.address.storage;
  REQUIRE(::getsockname(made.fd.get(), reinterpret_cast<sockaddr*>(&made.address.storage), &made.address.length) == 0);
  return made;
}

std::uint16_t port_of(const Bound& socket) { return bypass::endpoint_of(socket.address)->port; }

// A name server that knows one name and all below it, and how often it was asked.
class NameServer {
 public:
  NameServer(std::string name, std::string data, bool answers = true)
      : socket_(bound_socket()), thread_([this, name = std::move(name), data = std::move(data), answers] {
          for (;;) {
            // A datagram to end it might be lost.
            std::array<pollfd, 2> watched{{{socket_.fd.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
            if (::poll(watched.data(), watched.size(), -1) < 0 || watched[1].revents != 0) return;
            std::array<char, 4096> buffer;
            sockaddr_in from{};
            socklen_t size = sizeof from;
            const ssize_t count = ::recvfrom(socket_.fd.get(), buffer.data(), buffer.size(), 0,
                                             reinterpret_cast<sockaddr*>(&from), &size);
            if (count < 0) return;
            ++asked;
            const auto question = parse_question({buffer.data(), static_cast<std::size_t>(count)});
            if (!question || !answers) continue;
            DnsAnswer answer;
            const bool known = question->name.ends_with(name);
            answer.code = known ? DnsCode::kOk : DnsCode::kNoName;
            if (known && question->type == 1) answer.answers.push_back({*wire_name(question->name), 1, 1, 5, data});
            const std::string message = make_answer(*question, answer, *wire_name(question->name));
            (void)::sendto(socket_.fd.get(), message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&from),
                           size);
          }
        }) {}
  ~NameServer() {
    (void)::eventfd_write(end_.get(), 1);
    thread_.join();
  }
  [[nodiscard]] const Bound& socket() const { return socket_; }
  std::atomic<int> asked{0};

 private:
  Bound socket_;
  UniqueFd end_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

std::string query(std::uint16_t id, std::string_view name, std::uint16_t type = 1) {
  return *make_query(id, name, type, 1);
}

struct World {
  explicit World(bool cluster_answers = true, bool host_answers = true)
      : host("web.example.org", "\xc0\0\2\1"s, host_answers),
        cluster("web.team.svc.cluster.local", "\x0a\x2b\0\7"s, cluster_answers) {
    auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
    giver = std::thread([channel = std::move(theirs)] {
      for (;;) {
        auto message = receive_message(channel.get());
        if (!message || message->end) return;
        if (!give_sockets(channel.get(), *wish_from_text(message->text))) return;
      }
    });
    store.emplace(std::move(ours));
    ResolverPlan plan;
    plan.rules = {"cluster.local", "team", {"example.org"}};
    plan.cluster_server = *parse_ip("127.0.0.1");
    plan.cluster_port = port_of(cluster.socket());
    plan.services.emplace(*NamesReader::create(*services.share()));
    plan.now = [this] { return std::chrono::steady_clock::time_point(time.load()); };
    resolver = *Resolver::start(std::move(plan), *store);
  }
  ~World() {
    resolver.reset();
    store.reset();
    giver.join();
  }
  // A program's socket, connected as the agent does it.
  [[nodiscard]] UniqueFd client(bool admitted = true) {
    Bound socket = bound_socket();
    const auto stand_in = resolver->stand_in_for(host.socket().address, AF_INET);
    REQUIRE(stand_in);
    REQUIRE(::connect(socket.fd.get(), stand_in->get(), stand_in->length) == 0);
    if (admitted) resolver->admit(socket.address);
    return std::move(socket.fd);
  }
  static void send(int socket, const std::string& message) {
    REQUIRE(::send(socket, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size()));
  }
  [[nodiscard]] static std::optional<DnsAnswer> receive(int socket, int patience_ms = kPatienceMs) {
    pollfd watched{socket, POLLIN, 0};
    if (::poll(&watched, 1, patience_ms) != 1) return std::nullopt;
    std::array<char, 4096> buffer;
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
    REQUIRE(count > 0);
    return parse_answer({buffer.data(), static_cast<std::size_t>(count)});
  }
  [[nodiscard]] static std::optional<DnsAnswer> ask(int socket, const std::string& message) {
    send(socket, message);
    return receive(socket);
  }
  // All that came before has been seen once this is answered: so nothing is lost for want of room. Other answers that
  // come by are told.
  static void keep_pace(
      int socket, const std::function<void(const DnsAnswer&)>& tell = [](const DnsAnswer&) {}) {
    constexpr std::uint16_t kMark = 0xfffe;
    send(socket, query(kMark, "web"));
    for (;;) {
      const auto answer = receive(socket);
      REQUIRE(answer);
      if (answer->id == kMark) return;
      tell(*answer);
    }
  }

  NamesWriter services = *NamesWriter::create();  // nothing is known, but for what the test says
  // Stands still but for what the test says.
  std::atomic<std::chrono::steady_clock::duration> time{1h};
  NameServer host;
  NameServer cluster;
  std::thread giver;
  std::optional<SocketStore> store;
  std::unique_ptr<Resolver> resolver;
};

}  // namespace

TEST_CASE("resolver: a name of the cluster's wins, with or without the host's domain behind it", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  for (const char* name : {"web", "web.team", "web.team.svc", "web.team.svc.cluster.local", "web.example.org"}) {
    CAPTURE(name);
    const auto answer = World::ask(client.get(), query(17, name));
    REQUIRE(answer);
    CHECK(answer->id == 17);
    REQUIRE(answer->answers.size() == 1);
    CHECK(answer->answers[0].data == "\x0a\x2b\0\7"s);
    CHECK(answer->answers[0].owner == *wire_name(name));
  }
}

TEST_CASE("resolver: a Service that is known is answered for without the cluster, and the host", "[exec]") {
  World world(false, false);
  world.services.write("team/web 10.43.0.9\n");
  const UniqueFd client = world.client();
  for (const char* name : {"web", "web.team", "web.team.svc", "web.team.svc.cluster.local", "web.example.org"}) {
    CAPTURE(name);
    const auto answer = World::ask(client.get(), query(17, name));
    REQUIRE(answer);
    REQUIRE(answer->answers.size() == 1);
    CHECK(answer->answers[0].data == "\x0a\x2b\0\x09"s);
    CHECK(answer->answers[0].owner == *wire_name(name));
    const auto none = World::ask(client.get(), query(18, name, 28));
    REQUIRE(none);
    CHECK(none->code == DnsCode::kOk);
    CHECK(none->answers.empty());
  }
  CHECK(world.cluster.asked == 0);
  CHECK(world.host.asked == 0);
}

TEST_CASE("resolver: a name that no Service has is the host's to answer, or nobody's", "[exec]") {
  World world(false);
  world.services.write("team/db -\n");
  const UniqueFd client = world.client();
  const auto hosts = World::ask(client.get(), query(17, "web.example.org"));
  REQUIRE(hosts);
  REQUIRE(hosts->answers.size() == 1);
  CHECK(hosts->answers[0].data == "\xc0\0\2\1"s);
  const auto nobodys = World::ask(client.get(), query(18, "web.team.svc.cluster.local"));
  REQUIRE(nobodys);
  CHECK(nobodys->code == DnsCode::kNoName);
  CHECK(world.cluster.asked == 0);
  CHECK(world.host.asked == 1);
}

TEST_CASE("resolver: a Service is known as soon as it is told of, and asked for as soon as nothing is", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  const auto address = [&] {
    const auto answer = World::ask(client.get(), query(17, "web.team.svc.cluster.local"));
    REQUIRE(answer);
    return answer->answers.empty() ? "none"s : answer->answers[0].data;
  };
  world.services.write("");
  CHECK(address() == "none");
  world.services.write("team/web 10.43.0.9\n");
  CHECK(address() == "\x0a\x2b\0\x09"s);
  CHECK(world.cluster.asked == 0);
  world.services.write("team/web -\n");  // headless: its pods are the name server's to tell
  CHECK(address() == "\x0a\x2b\0\7"s);
  CHECK(world.cluster.asked == 1);
  world.services.write("");
  CHECK(address() == "none");
  world.services.forget();
  CHECK(address() == "\x0a\x2b\0\7"s);
}

TEST_CASE("resolver: all other names are the host's to answer", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  const auto no = World::ask(client.get(), query(18, "nowhere.example.org"));
  REQUIRE(no);
  CHECK(no->code == DnsCode::kNoName);
  CHECK(world.host.asked == 1);
  // A name of no form of the cluster's is not asked for there.
  const int asked = world.cluster.asked;
  REQUIRE(World::ask(client.get(), query(19, "a.b.c.d.e")));
  CHECK(world.cluster.asked == asked);
}

TEST_CASE("resolver: the cluster's domain never leaves the host", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  const auto no = World::ask(client.get(), query(20, "no.such.cluster.local"));
  REQUIRE(no);
  CHECK(no->code == DnsCode::kNoName);
  CHECK(world.host.asked == 0);
}

TEST_CASE("resolver: what the cluster said is good for a second", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  for (int i = 0; i < 5; ++i) REQUIRE(World::ask(client.get(), query(30, "web")));
  CHECK(world.cluster.asked == 1);
  CHECK(world.host.asked <= 1);
  world.time = world.time.load() + 1100ms;
  REQUIRE(World::ask(client.get(), query(31, "web")));
  CHECK(world.cluster.asked == 2);
  // Another type is another question.
  REQUIRE(World::ask(client.get(), query(32, "web", 28)));
  CHECK(world.cluster.asked == 3);
}

TEST_CASE("resolver: what the host's server said is good for a second, for the same question", "[exec]") {
  World world(false);  // were it asked, the cluster would cost a second
  const UniqueFd client = world.client();
  const char* name = "a.b.c.d.web.example.org";
  const auto ask = [&](std::uint16_t id, const std::string& message) {
    const auto answer = World::ask(client.get(), message);
    REQUIRE(answer);
    CHECK(answer->id == id);
    REQUIRE(answer->answers.size() == 1);
    CHECK(answer->answers[0].data == "\xc0\0\2\1"s);
    return answer->answers[0].ttl;
  };
  CHECK(ask(40, query(40, name)) == 5);
  CHECK(ask(41, query(41, name)) == 4);
  CHECK(world.host.asked == 1);
  // Another question: without EDNS.
  std::string plain = query(42, name);
  plain.resize(plain.size() - 11);
  plain[11] = '\0';
  CHECK(ask(42, plain) == 5);
  CHECK(world.host.asked == 2);
  world.time = world.time.load() + 1100ms;
  CHECK(ask(43, query(43, name)) == 5);
  CHECK(world.host.asked == 3);
}

TEST_CASE("resolver: an existing name without such a record exists", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  const auto answer = World::ask(client.get(), query(21, "web", 28));
  REQUIRE(answer);
  CHECK(answer->code == DnsCode::kOk);
  CHECK(answer->answers.empty());
}

TEST_CASE("resolver: a silent cluster costs a second, and no answer", "[exec]") {
  World world(false);
  const UniqueFd client = world.client();
  World::send(client.get(), query(22, "web.example.org"));
  while (world.cluster.asked == 0 || world.host.asked == 0) (void)::poll(nullptr, 0, 1);
  world.time = world.time.load() + 900ms;
  CHECK_FALSE(World::receive(client.get(), 200));
  world.time = world.time.load() + 200ms;
  const auto answer = World::receive(client.get());
  REQUIRE(answer);
  REQUIRE(answer->answers.size() == 1);
  CHECK(answer->answers[0].data == "\xc0\0\2\1"s);
}

TEST_CASE("resolver: who was not connected by us gets nothing", "[exec]") {
  World world;
  const UniqueFd stranger = world.client(false);
  const UniqueFd client = world.client();
  World::send(stranger.get(), query(23, "web"));
  // Both ask at the same stand-in, which takes one after the other.
  CHECK(World::ask(client.get(), query(23, "web")));
  CHECK_FALSE(World::receive(stranger.get(), 0));
  CHECK(world.cluster.asked == 1);
}

TEST_CASE("resolver: more questions than it takes at once are told to come again", "[exec]") {
  World world(true, false);
  const UniqueFd client = world.client();
  int refused = 0;
  const auto count = [&](const DnsAnswer& answer) { refused += answer.code == DnsCode::kFailure ? 1 : 0; };
  for (std::uint16_t id = 0; id < 700; ++id) {
    World::send(client.get(), query(id, "a.b.c.d.e"));
    if (id % 50 == 49) World::keep_pace(client.get(), count);
  }
  // 512 are under way. One that has just been answered may count yet.
  CHECK(refused >= 700 - 512);
  CHECK(refused <= 700 - 512 + 1);
}

TEST_CASE("resolver: any bytes may come", "[exec]") {
  World world;
  const UniqueFd client = world.client();
  for (unsigned i = 0; i < 500; ++i) {
    std::string message(i % 60 + 1, '\0');
    for (std::size_t at = 0; at < message.size(); ++at) message[at] = static_cast<char>((i * 31U + at * 17U) & 0xffU);
    World::send(client.get(), message);
    if (i % 50 == 49) World::keep_pace(client.get());
  }
  const UniqueFd after = world.client();
  CHECK(World::ask(after.get(), query(24, "web")));
}
