// SPDX-License-Identifier: Apache-2.0
// The keeper between wrappers and a broker that is played by the test.
#include "bypass/keeper.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"
#include "base/unix_socket.h"

using namespace sublet;
using namespace sublet::bypass;

namespace {

using Ms = std::chrono::milliseconds;

struct World {
  World() : loop(*EventLoop::create()), dir(*fs::ScopedTempDir::create()) {
    path = dir.path() + "/socket";
    keeper = std::move(*Keeper::create(loop, path));
  }
  void turn(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) REQUIRE(loop.run_once(Ms(0)));
  }
  // As the wrapper does, but for the wait.
  std::string offer(const std::string& text, std::size_t descriptors) {
    auto connection = connect_unix(path, SOCK_SEQPACKET);
    REQUIRE(connection);
    auto file = sys::open("/dev/null", O_RDONLY);
    REQUIRE(file);
    REQUIRE(send_message(connection->get(), text, std::vector<int>(descriptors, file->get())));
    turn();
    auto answer = receive_message(connection->get());
    REQUIRE(answer);
    return answer->text;
  }
  std::string offer_good() { return offer(to_json(Record{"uid", "ns", "pod", "c", "id", Level::kFast, false}), 2); }
  // A broker's end, non-blocking.
  UniqueFd broker() {
    auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
    REQUIRE(sys::set_nonblocking(ours.get(), true));
    keeper->connect(std::move(theirs));
    turn();
    return std::move(ours);
  }
  // "memory", numbers of listeners, "known", in their order.
  std::vector<std::string> heard(const UniqueFd& broker) {
    std::vector<std::string> all;
    for (;;) {
      auto message = receive_message(broker.get());
      if (!message || message->end) return all;
      auto announcement = announcement_from_json(message->text);
      all.push_back(announcement ? std::to_string(announcement->number) : message->text);
      if (announcement) CHECK(message->fds.size() == 2);
      if (message->text == "memory") CHECK(message->fds.size() == 1);
      turn(2);
    }
  }

  EventLoop loop;
  fs::ScopedTempDir dir;
  std::string path;
  std::unique_ptr<Keeper> keeper;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("keeper: a broker hears of the memory, of what is there, that this is all, and of what comes", "[bypass]") {
  World world;
  CHECK(world.offer_good() == "ok");
  CHECK(world.offer_good() == "ok");
  const UniqueFd broker = world.broker();
  CHECK(world.heard(broker) == Words{"memory", "1", "2", "known"});
  CHECK(world.offer_good() == "ok");
  CHECK(world.heard(broker) == Words{"3"});
}

TEST_CASE("keeper: with nothing to keep the broker knows at once", "[bypass]") {
  World world;
  const UniqueFd broker = world.broker();
  CHECK(world.heard(broker) == Words{"memory", "known"});
}

TEST_CASE("keeper: a successor is told of all that is left, under the same numbers, and has the same memory",
          "[bypass]") {
  World world;
  for (int i = 0; i < 3; ++i) CHECK(world.offer_good() == "ok");
  auto inode = [](int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
  };
  ino_t memory = 0;
  {
    const UniqueFd broker = world.broker();
    auto first = receive_message(broker.get());
    REQUIRE(first);
    REQUIRE(first->fds.size() == 1);
    memory = inode(first->fds[0].get());
    CHECK(world.heard(broker) == Words{"1", "2", "3", "known"});
    REQUIRE(send_message(broker.get(), "gone 2"));
    world.turn();
  }
  world.turn();  // the end of file
  const UniqueFd next = world.broker();
  auto first = receive_message(next.get());
  REQUIRE(first);
  REQUIRE(first->fds.size() == 1);
  CHECK(inode(first->fds[0].get()) == memory);
  CHECK(world.heard(next) == Words{"1", "3", "known"});
  CHECK(world.offer_good() == "ok");
  CHECK(world.heard(next) == Words{"4"});
}

TEST_CASE("keeper: a slow broker loses nothing, and holds up nobody", "[bypass]") {
  World world;
  const UniqueFd broker = world.broker();
  // More than a socket's buffer holds (net.unix.max_dgram_qlen is small, and each is charged with its skb).
  Words expected = {"memory", "known"};
  for (int i = 1; i <= 300; ++i) {
    REQUIRE(world.offer_good() == "ok");
    expected.push_back(std::to_string(i));
  }
  CHECK(world.heard(broker) == expected);
}

TEST_CASE("keeper: \"known\" comes after those that were there before, however slow the broker is", "[bypass]") {
  World world;
  for (int i = 0; i < 300; ++i) REQUIRE(world.offer_good() == "ok");
  const UniqueFd broker = world.broker();
  REQUIRE(world.offer_good() == "ok");  // while it is being told
  Words expected = {"memory"};
  for (int i = 1; i <= 300; ++i) expected.push_back(std::to_string(i));
  expected.insert(expected.end(), {"known", "301"});
  CHECK(world.heard(broker) == expected);
}

TEST_CASE("keeper: offers that are none are refused with a word, and not kept", "[bypass]") {
  World world;
  const std::string good = to_json(Record{});
  for (auto [text, descriptors] :
       {std::pair(std::string("nonsense"), 2), {good, 0}, {good, 1}, {good, 3}, {std::string("{}"), 2}}) {
    INFO(text << " with " << descriptors);
    CHECK(world.offer(text, static_cast<std::size_t>(descriptors)) != "ok");
  }
  {
    auto silent = connect_unix(world.path, SOCK_SEQPACKET);
    REQUIRE(silent);
    silent->reset();
    world.turn();
  }
  const UniqueFd broker = world.broker();
  CHECK(world.heard(broker) == Words{"memory", "known"});
}

TEST_CASE("keeper: who is isolated is told first, to each broker, and again when it changes", "[bypass]") {
  World world;
  const std::string first = R"(isolation {"all":false,"free":{"n":[]}})";
  const std::string second = R"(isolation {"all":true,"free":{}})";
  REQUIRE(world.offer(first, 0) == "ok");
  REQUIRE(world.offer_good() == "ok");
  const UniqueFd broker = world.broker();
  CHECK(world.heard(broker) == Words{"memory", first, "1", "known"});
  REQUIRE(world.offer(second, 0) == "ok");
  CHECK(world.heard(broker) == Words{second});
  const UniqueFd next = world.broker();
  CHECK(world.heard(next) == Words{"memory", second, "1", "known"});
  CHECK(world.offer("isolation nonsense", 0) != "ok");
}

TEST_CASE("keeper: a broker's garbage does no harm", "[bypass]") {
  World world;
  CHECK(world.offer_good() == "ok");
  const UniqueFd broker = world.broker();
  for (const char* text : {"gone", "gone ", "gone x", "gone -1", "gone 99", "gone 4294967297", "gone 1x", "hello"}) {
    REQUIRE(send_message(broker.get(), text));
    world.turn();
  }
  CHECK(world.heard(broker) == Words{"memory", "1", "known"});
  const UniqueFd next = world.broker();
  CHECK(world.heard(next) == Words{"memory", "1", "known"});
}

TEST_CASE("keeper: a broker that is dead when it comes is let go", "[bypass]") {
  World world;
  auto [ours, theirs] = *sys::socketpair(SOCK_SEQPACKET);
  ours.reset();
  world.keeper->connect(std::move(theirs));
  world.turn();
  CHECK(world.offer_good() == "ok");
  const UniqueFd broker = world.broker();
  CHECK(world.heard(broker) == Words{"memory", "1", "known"});
}
