// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/dns_query.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "base/sys.h"
#include "base/unique_fd.h"

namespace sublet::launcher {
namespace {

using namespace std::string_literals;

TEST_CASE("dns: the question as RFC 1035 has it, behind its length", "[session]") {
  const std::string expected =
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s
      "\x0akubernetes\x07"
      "default\x00\x00\x01\x00\x01"s;
  CHECK(dns_question("kubernetes.default", 0x1234) == "\x00\x24"s + expected);
  // The root's dot at the end changes nothing.
  CHECK(dns_question("kubernetes.default.", 0x1234) == dns_question("kubernetes.default", 0x1234));
  CHECK(dns_question("", 1) == "\x00\x11\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"s);
}

// A header with these flags and so many answers.
std::string answer(unsigned flags, unsigned answers, unsigned id = 0x1234) {
  std::string header;
  for (const unsigned word : {id, flags, 1U, answers, 0U, 0U}) {
    header += static_cast<char>(word >> 8);
    header += static_cast<char>(word & 0xff);
  }
  return header;
}

TEST_CASE("dns: only a record for this question is an answer", "[session]") {
  struct Row {
    std::string message;
    const char* error;  // null: it is one
  };
  const std::vector<Row> rows = {
      {answer(0x8180, 1), nullptr},
      {answer(0x8180, 0xffff), nullptr},
      {answer(0x8400, 1) + "whatever follows", nullptr},
      {"", "too short"},
      {std::string(11, '\0'), "too short"},
      {answer(0x8180, 1).substr(0, 11), "too short"},
      {answer(0x8180, 1, 0x1235), "another question"},
      {answer(0x0100, 1), "is a question"},
      {answer(0x8183, 0), "response code 3"},
      {answer(0x8183, 1), "response code 3"},
      {answer(0x8182, 0), "response code 2"},
      {answer(0x8180, 0), "no such record"},
  };
  for (const Row& row : rows) {
    const auto checked = check_dns_answer(row.message, 0x1234);
    CHECK(checked.has_value() == (row.error == nullptr));
    if (!checked && row.error != nullptr) CHECK_THAT(checked.error().what, Catch::Contains(row.error));
  }
}

// A name server that reads the question and then says this, piece by piece, `pause_ms` before each, and hangs up.
struct Server {
  UniqueFd client;
  std::jthread thread;

  explicit Server(std::vector<std::string> pieces, int pause_ms = 0, bool hang_up = true) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    client = UniqueFd(ends[0]);
    thread = std::jthread(
        [end = UniqueFd(ends[1]), pieces = std::move(pieces), pause_ms, hang_up](const std::stop_token& stop) {
          std::array<std::byte, 512> question;
          (void)sys::read(end.get(), question);
          for (const std::string& piece : pieces) {
            std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
            if (stop.stop_requested() || ::send(end.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) return;
          }
          while (!hang_up && !stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
  }
};

constexpr unsigned kOurId = 0x5b1e;

TEST_CASE("dns: an answer is read whatever pieces it comes in", "[session]") {
  const std::string whole = "\x00\x0c"s + answer(0x8180, 1, kOurId);
  CHECK(ask_dns(Server({whole}).client.get(), "kubernetes", 5000));
  std::vector<std::string> bytes;
  for (const char c : whole) bytes.emplace_back(1, c);
  CHECK(ask_dns(Server(bytes).client.get(), "kubernetes", 5000));
}

TEST_CASE("dns: a server that lies, breaks off or says nothing is an error, in time", "[session]") {
  struct Row {
    std::vector<std::string> pieces;
    bool hang_up;
    const char* error;
  };
  for (const Row& row :
       {Row{{}, true, "closed"}, Row{{}, false, "in time"}, Row{{"\x00"s}, true, "closed"},
        Row{{"\x00\x0c"s, answer(0x8180, 1, kOurId).substr(0, 5)}, true, "closed"},
        Row{{"\xff\xff"s, answer(0x8180, 1, kOurId)}, false, "in time"}, Row{{"\x00\x00"s}, true, "too short"},
        Row{{"\x00\x0c"s, answer(0x8180, 1, 1)}, true, "another question"}}) {
    Server server(row.pieces, 0, row.hang_up);
    const auto asked = ask_dns(server.client.get(), "kubernetes", 100);
    REQUIRE_FALSE(asked);
    CHECK_THAT(asked.error().what, Catch::Contains(row.error));
  }
}

TEST_CASE("dns: a server that lets one byte drip after the other does not make the time longer", "[session]") {
  std::vector<std::string> drops = {"\x01\x00"s};
  for (int i = 0; i < 256; ++i) drops.emplace_back("x");
  Server server(drops, 20);
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(ask_dns(server.client.get(), "kubernetes", 200));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(2000));  // all the drops take 5 s
}

}  // namespace
}  // namespace sublet::launcher
