// SPDX-License-Identifier: Apache-2.0
// What the bypass reads out of /proc.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "bypass/calls.h"
#include "bypass/epoll_repair.h"
#include "bypass/pending.h"
#include "bypass/target.h"

using namespace sublet::bypass;

namespace {

constexpr const char* kFdinfo =
    "pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t1057\n"
    "tfd:        5 events:       19 data:                5  pos:0 ino:2a sdev:8\n"
    "tfd:       55 events:        1 data: ffffffffdeadbeef  pos:0 ino:2b sdev:8\n"
    "tfd:        5 events: 80000004 data:        123456789  pos:0 ino:2c sdev:8\n";

std::string status(std::uint64_t own, std::uint64_t shared, std::uint64_t blocked, std::uint64_t ignored, int threads,
                   bool first) {
  return fmt::format(
      "Name:\tSigPnd:\nTgid:\t40\nNgid:\t0\nPid:\t{}\nThreads:\t{}\nSigQ:\t0/95553\nSigPnd:\t{:016x}\n"
      "ShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t00000000000000ff\nCapInh:\t0\n",
      first ? 40 : 41, threads, own, shared, blocked, ignored);
}

std::uint64_t bit(int signal) { return std::uint64_t{1} << (signal - 1); }

}  // namespace

TEST_CASE("registrations_in: those of the number and the file, with all bits of their data", "[bypass]") {
  auto found = registrations_in(kFdinfo, 9, 55, 0x2b);
  REQUIRE(found.size() == 1);
  CHECK(found[0].epoll == 9);
  CHECK(found[0].number == 55);
  CHECK(found[0].events == 1);
  CHECK(found[0].data == 0xffffffffdeadbeefULL);
  auto five = registrations_in(kFdinfo, 9, 5, 0x2c);
  REQUIRE(five.size() == 1);
  CHECK(five[0].events == 0x80000004U);
  CHECK(five[0].data == 0x123456789U);
  CHECK(registrations_in(kFdinfo, 9, 5, 0x99).empty());
  CHECK(registrations_in(kFdinfo, 9, 6, 0x2a).empty());
}

TEST_CASE("registrations_in: kernels before 4.19 tell no inode, so the number decides", "[bypass]") {
  auto found = registrations_in("tfd:        7 events:        1 data:                7\n", 3, 7, 0x2a);
  REQUIRE(found.size() == 1);
  CHECK(found[0].data == 7);
}

TEST_CASE("registrations_in: garbage is skipped", "[bypass]") {
  for (const char* text : {"", "tfd:", "tfd: x events: 1 data: 1", "tfd: 7", "tfd: 7 events: g data: 1 ino:2a",
                           "tfd: 7 events: 1 data: ", "pos: 7 events: 1 data: 1", "tfd: 99999999999 events: 1 data: 1"})
    CHECK(registrations_in(text, 3, 7, 0x2a).empty());
}

TEST_CASE("signalled: pending, and neither blocked nor ignored", "[bypass]") {
  struct {
    std::uint64_t own, shared, blocked, ignored;
    int threads;
    bool first;
    Signalled expected;
  } const cases[] = {
      {0, 0, 0, 0, 1, true, Signalled::kNone},
      {bit(SIGALRM), 0, 0, 0, 1, true, Signalled::kYes},
      {bit(SIGSTOP), 0, 0, 0, 9, false, Signalled::kYes},
      {bit(SIGALRM), 0, bit(SIGALRM), 0, 1, true, Signalled::kNone},
      {bit(SIGALRM), 0, 0, bit(SIGALRM), 1, true, Signalled::kNone},
      {bit(SIGALRM) | bit(SIGUSR1), 0, bit(SIGALRM), 0, 1, true, Signalled::kYes},
      {bit(64), 0, bit(63), 0, 1, true, Signalled::kYes},
      // The process's: surely this thread's if it is the only one; the first one's, if nobody else takes it.
      {0, bit(SIGALRM), 0, 0, 1, true, Signalled::kYes},
      {0, bit(SIGALRM), bit(SIGALRM), 0, 1, true, Signalled::kNone},
      {0, bit(SIGALRM), 0, 0, 2, true, Signalled::kMaybe},
      {0, bit(SIGALRM), 0, 0, 2, false, Signalled::kNone},
      {bit(SIGUSR1), bit(SIGALRM), 0, 0, 2, false, Signalled::kYes},
  };
  for (const auto& c : cases) {
    const std::string text = status(c.own, c.shared, c.blocked, c.ignored, c.threads, c.first);
    INFO(text);
    CHECK(signalled(text) == c.expected);
  }
  CHECK(signalled("") == Signalled::kNone);
}

TEST_CASE("proc_field: the value of the line whose key it is", "[bypass]") {
  constexpr std::string_view kText = "Name:\tTgid:\nTgidX:\t1\nTgid:\t 42\nEmpty:\nLast:\tx";
  CHECK(proc_field(kText, "Tgid") == "42");
  CHECK(proc_field(kText, "Name") == "Tgid:");
  CHECK(proc_field(kText, "Last") == "x");
  CHECK(proc_field(kText, "Empty").empty());
  CHECK(proc_field(kText, "Tgi").empty());
  CHECK(proc_field("", "Tgid").empty());
}

TEST_CASE("network_namespace: the inode of the thread's, or 0", "[bypass]") {
  struct stat own {};
  REQUIRE(::stat("/proc/self/ns/net", &own) == 0);
  CHECK(network_namespace(::getpid()) == own.st_ino);
  CHECK(network_namespace(::gettid()) == own.st_ino);
  CHECK(network_namespace(0) == 0);
}

TEST_CASE("socketcall: its words are arguments", "[bypass]") {
  CHECK(widen({3, 0xfffffff0, 16, 7}) == std::array<std::uint64_t, 6>{3, 0xfffffff0, 16, 7, 0, 0});
}
