// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"

using namespace sublet;

TEST_CASE("messages: text and descriptors come out as they went in", "[base]") {
  auto [left, right] = take(sys::socketpair(SOCK_SEQPACKET));
  auto [read_end, write_end] = take(sys::pipe());
  REQUIRE(send_message(left.get(), "take these", {write_end.get(), read_end.get()}));
  Message message = take(receive_message(right.get()));
  CHECK(message.text == "take these");
  REQUIRE(message.fds.size() == 2);
  REQUIRE(sys::write_all(message.fds[0].get(), "through"));
  message.fds[0].reset();
  write_end.reset();
  CHECK(take(fs::read_fd(message.fds[1].get())) == "through");
}

TEST_CASE("messages: the largest goes through, an end is told", "[base]") {
  auto [left, right] = take(sys::socketpair(SOCK_SEQPACKET));
  REQUIRE(send_message(left.get(), std::string(kMaxMessageBytes, 'x')));
  CHECK(take(receive_message(right.get())).text.size() == kMaxMessageBytes);
  left.reset();
  CHECK(take(receive_message(right.get())).end);
  CHECK(send_message(right.get(), "too late").error().is(EPIPE));
}

TEST_CASE("messages: one that is too long for the reader is an error, not a part", "[base]") {
  auto [left, right] = take(sys::socketpair(SOCK_SEQPACKET));
  const std::string longer(kMaxMessageBytes + 1, 'x');
  REQUIRE(::send(left.get(), longer.data(), longer.size(), 0) == static_cast<ssize_t>(longer.size()));
  CHECK_THAT(receive_message(right.get()).error().what, Catch::Contains("cut off"));
}

TEST_CASE("receive_message: would-block is an error with its code", "[base]") {
  auto [left, right] = take(sys::socketpair(SOCK_SEQPACKET));
  REQUIRE(sys::set_nonblocking(right.get(), true));
  CHECK(receive_message(right.get()).error().is(EAGAIN));
}

TEST_CASE("listen_unix: only the owner may connect, and a taken or long path is an error", "[base]") {
  auto dir = take(fs::ScopedTempDir::create());
  const std::string path = dir.path() + "/socket";
  UniqueFd listener = take(listen_unix(path, SOCK_SEQPACKET));
  CHECK((take(sys::stat(path)).st_mode & 0777U) == 0600);
  UniqueFd client = take(connect_unix(path, SOCK_SEQPACKET));
  CHECK(listen_unix(path, SOCK_SEQPACKET).error().is(EADDRINUSE));
  CHECK_THAT(listen_unix(dir.path() + std::string(110, 'x'), SOCK_STREAM).error().what, Catch::Contains("longer than"));
  listener.reset();
  CHECK(connect_unix(path, SOCK_SEQPACKET).error().is(ECONNREFUSED));
}

TEST_CASE("unix sockets: a peer of our own uid is known, and what has no peer is none", "[base]") {
  auto [left, right] = take(sys::socketpair(SOCK_SEQPACKET));
  CHECK(is_own_peer(left.get()));
  auto [read_end, write_end] = take(sys::pipe());
  CHECK_FALSE(is_own_peer(read_end.get()));
  CHECK_FALSE(is_own_peer(-1));
}
