// SPDX-License-Identifier: Apache-2.0
// The life and the prison of the tap driver's process.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <thread>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "netns/link.h"
#include "netns/sandbox.h"
#include "netns/tap.h"
#include "tests/support/inet.h"
#include "tests/support/netns_world.h"
#include "tests/support/unprivileged.h"

using namespace sublet;
using namespace sublet::test;

namespace {

bool can_run() {
  std::string why = become_unprivileged() ? why_no_tap() : "root, and no user to become";
  if (!why.empty()) std::printf("skipped: %s\n", why.c_str());
  return why.empty();
}

TapWorld new_world() {
  auto world = TapWorld::create({.driver = POD_UP});
  if (!world) FAIL(to_string(world.error()));
  return std::move(*world);
}

bool is_gone(pid_t pid) {
  auto status = fs::read_file("/proc/" + std::to_string(pid) + "/status");
  return !status || status->find("State:\tZ") != std::string::npos;
}

bool ends_within(pid_t pid, int timeout_ms) {
  for (; timeout_ms > 0; timeout_ms -= 10) {
    if (is_gone(pid)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string field(pid_t pid, const std::string& name) {
  for (const std::string& line : lines(fs::read_file("/proc/" + std::to_string(pid) + "/status").value_or("")))
    if (line.rfind(name + ":", 0) == 0) return std::string(trim(line.substr(name.size() + 1)));
  return "?";
}

// In a child that is in the sandbox: what `attempt` gave, or "killed by signal N".
std::string imprisoned(const std::function<std::string()>& attempt) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  pid_t pid = ::fork();
  if (pid == 0) {
    (void)::signal(SIGABRT, SIG_DFL);  // Catch2 has handlers of its own
    auto missing = netns::enter_sandbox("nameserver 192.0.2.53\n");
    std::string answer = missing.empty() ? attempt() : join(missing, "; ");
    (void)!::write(ends[1], answer.data(), answer.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string answer = fs::read_fd(ends[0]).value_or("?");
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status)) : answer;
}

std::string outcome(long value) { return value >= 0 ? "allowed" : std::to_string(errno); }

const std::string denied = std::to_string(EPERM);

// pod_up's driver with these three descriptors, to its end.
Output run_driver(const std::string& orders, int tap, int life) {
  auto memory = sys::sealed_memfd("orders", orders).value();
  Command command;
  command.argv = {POD_UP, "tap-driver"};
  command.fds = {{memory.get(), 3}, {tap, 4}, {life, 5}};
  auto output = run(std::move(command), 5000);
  if (!output) FAIL(to_string(output.error()));
  return *output;
}

}  // namespace

TEST_CASE("tap driver: has no rights, no files and a filter", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    INFO(set);
    CHECK(field(world.driver_pid, set) == "0000000000000000");
  }
  CHECK(field(world.driver_pid, "NoNewPrivs") == "1");
  CHECK(field(world.driver_pid, "Seccomp") == "2");
}

TEST_CASE("tap driver: even its own user may not look into the sandbox", "[tap]") {
  if (!can_run()) return;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  pid_t pid = ::fork();
  if (pid == 0) {
    char ready = netns::enter_sandbox("").empty() ? 'r' : 'x';
    (void)!::write(ends[1], &ready, 1);
    for (;;) (void)::poll(nullptr, 0, -1);
  }
  char ready = 0;
  REQUIRE(::read(ends[0], &ready, 1) == 1);
  CHECK(ready == 'r');
  CHECK(::access(("/proc/" + std::to_string(pid) + "/root/etc").c_str(), F_OK) != 0);
  CHECK(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == -1);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  for (int end : ends) ::close(end);
}

TEST_CASE("tap driver: in the sandbox, what it must not do fails or kills", "[tap]") {
  if (!can_run()) return;
  CHECK(imprisoned([] { return fs::read_file("/etc/resolv.conf").value_or("none"); }) == "nameserver 192.0.2.53\n");
  CHECK(imprisoned([] { return outcome(::open("/etc/passwd", O_RDONLY)); }) == std::to_string(ENOENT));
  CHECK(imprisoned([] { return outcome(::open("/proc/self/status", O_RDONLY)); }) == std::to_string(ENOENT));
  CHECK(imprisoned([] { return outcome(::open("/etc/resolv.conf", O_RDWR)); }) == denied);
  CHECK(imprisoned([] { return outcome(::open("/etc/new", O_WRONLY | O_CREAT, 0600)); }) == denied);
  CHECK(imprisoned([] { return outcome(::open("/", O_TMPFILE | O_RDWR, 0600)); }) == denied);
  CHECK(imprisoned([] { return outcome(::mkdir("/x", 0700)); }) == denied);
  CHECK(imprisoned([] { return outcome(::socket(AF_UNIX, SOCK_STREAM, 0)); }) == denied);
  CHECK(imprisoned([] { return outcome(::socket(AF_NETLINK, SOCK_RAW, 0)); }) == denied);
  CHECK(imprisoned([] { return outcome(::socket(AF_INET, SOCK_RAW, 1)); }) == denied);
  CHECK(imprisoned([] { return outcome(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }) == "allowed");
  CHECK(imprisoned([] { return outcome(::kill(::getppid(), 0)); }) == denied);
  CHECK(imprisoned([] { return outcome(::fork()); }) == denied);
  CHECK(imprisoned([] { return outcome(::unshare(CLONE_NEWUSER)); }) == denied);
  CHECK(imprisoned([] { return outcome(::listen(::socket(AF_INET, SOCK_STREAM, 0), 1)); }) == denied);
  CHECK(imprisoned([] { return outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }) == "killed by signal 31");
  CHECK(imprisoned([] { return outcome(::execl("/bin/true", "true", nullptr)); }) == "killed by signal 31");
  CHECK(imprisoned([]() -> std::string { ::abort(); }) == "killed by signal 6");
}

TEST_CASE("tap driver: a layer that cannot be had does not hinder the others", "[tap]") {
  if (!can_run()) return;
  // Where no further user namespace may be made.
  auto inside = Namespaces::create();
  if (!inside) FAIL(to_string(inside.error()));
  auto answer = inside->run([]() -> Result<std::string> {
    TRY(fs::write_existing("/proc/sys/user/max_user_namespaces", "0"));
    std::string missing = join(netns::enter_sandbox(""), "; ");
    bool filtered = ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM;
    return missing + (filtered ? " | filtered" : " | not filtered");
  });
  if (!answer && answer.error().what.find("Permission denied") != std::string::npos) {
    std::printf("skipped: max_user_namespaces cannot be written here: %s\n", answer.error().what.c_str());
    return;
  }
  if (!answer) FAIL(to_string(answer.error()));
  CHECK_THAT(*answer, Catch::StartsWith("namespaces: ") && Catch::EndsWith("| filtered"));
}

TEST_CASE("tap driver: ends when the other end of its life closes", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  CHECK_FALSE(ends_within(world.driver_pid, 300));
  world.life.reset();
  CHECK(ends_within(world.driver_pid, 3000));
}

TEST_CASE("tap driver: dies with its parent, also while its life's other end is held open", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  REQUIRE_FALSE(is_gone(world.driver_pid));
  world.launcher->kill();
  CHECK(ends_within(world.driver_pid, 3000));
}

TEST_CASE("tap driver: ends when the link is deleted", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  REQUIRE(world.guest.run([]() -> Result<std::string> {
    TRY(netns::delete_link("tap0"));
    return std::string();
  }));
  CHECK(ends_within(world.driver_pid, 3000));
}

TEST_CASE("tap driver: an idle one uses no processor time", "[tap]") {
  if (!can_run()) return;
  TapWorld world = new_world();
  auto switches = [&] { return parse_int<long>(field(world.driver_pid, "voluntary_ctxt_switches")).value_or(0); };
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // neighbour discovery of the first moments
  long before = switches();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  CHECK(switches() - before <= 4);
}

TEST_CASE("tap driver: orders and descriptors that are no good are refused with a reason", "[tap]") {
  if (!can_run()) return;
  auto [ours, theirs] = sys::socketpair(SOCK_STREAM).value();
  auto good = netns::make_tap_orders(*parse_cidr("10.0.2.0/24"), {}, 1500, "").value();
  for (const std::string& orders : {std::string(), std::string("{"), std::string("{\"v4\":1}")}) {
    Output output = run_driver(orders, theirs.get(), theirs.get());
    CHECK(output.status.shell_status() == 1);
    CHECK_THAT(output.err, Catch::Contains("tap orders: "));
  }
  Output no_tap = run_driver(netns::to_json(good), theirs.get(), theirs.get());
  CHECK(no_tap.status.shell_status() == 1);
  CHECK_THAT(no_tap.err, Catch::Contains("not a tap"));
}

TEST_CASE("tap driver: whoever starts it hears that it did not start", "[tap]") {
  if (!can_run()) return;
  auto orders = netns::make_tap_orders(*parse_cidr("10.0.2.0/24"), {}, 1500, "").value();
  auto [a, b] = sys::socketpair(SOCK_STREAM).value();
  auto silent = sys::open("/dev/null", O_WRONLY).value();
  Command command;
  command.fds = {{silent.get(), 2}};
  command.argv = {POD_UP, "tap-driver"};
  auto refused = netns::start_tap_driver(command, orders, a.get(), 5000);
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().what, Catch::Contains("exit status 1"));
  command.argv = {"/bin/sleep", "60"};
  auto late = netns::start_tap_driver(command, orders, a.get(), 200);
  REQUIRE_FALSE(late.has_value());
  CHECK_THAT(late.error().what, Catch::Contains("not ready in time"));
  orders.mtu = 0;
  CHECK_FALSE(netns::start_tap_driver(command, orders, a.get(), 200).has_value());
}

TEST_CASE("tap: without a usable device the error says what to change", "[tap]") {
  auto missing = netns::open_tap("tap0", "/nonexistent/tun");
  REQUIRE_FALSE(missing.has_value());
  CHECK_THAT(missing.error().hint, Catch::Contains("modprobe tun"));
  CHECK_FALSE(netns::open_tap("", "/dev/net/tun").has_value());
  CHECK_FALSE(netns::open_tap("a-name-that-is-too-long", "/dev/net/tun").has_value());
}
