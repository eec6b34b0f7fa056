// SPDX-License-Identifier: Apache-2.0
#include "tests/support/netns_world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "netns/link.h"
#include "netns/tap.h"

namespace sublet::test {
namespace {

constexpr int kStartMs = 10000;

Result<void> become_root_of_new() {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
  TRY(sys::unshare(CLONE_NEWUSER | CLONE_NEWNET));
  TRY(fs::write_existing("/proc/self/setgroups", "deny"));
  TRY(fs::write_existing("/proc/self/uid_map", fmt::format("0 {} 1", uid)));
  return fs::write_existing("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

// A child that dies with us. Its body may not return into the test's own code.
Result<Child> fork_child(const std::function<int()>& body) {
  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork");
  if (pid > 0) return Child(pid);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(99);
  int status = body();
  ::_exit(status);
}

Result<std::string> read_to_end(int fd, int timeout_ms) {
  std::string text;
  for (;;) {
    pollfd poll_fd{fd, POLLIN, 0};
    if (::poll(&poll_fd, 1, timeout_ms) <= 0) return fail("the child did not answer in time");
    char buffer[4096];
    ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0) return fail_errno("read");
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<UniqueFd> tap_inside(const Namespaces& guest, const netns::TapOrders& orders) {
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  int out = theirs.get();
  auto make = [&orders, out]() -> Result<std::string> {
    auto tap = TRY(netns::open_tap("tap0"));
    TRY(netns::bring_up_loopback());
    TRY(netns::configure_link(netns::tap_link(orders, "tap0")));
    TRY(send_message(out, "tap", {tap.get()}));
    return std::string();
  };
  (void)TRY(guest.run(make));
  auto message = TRY(receive_message(ours.get()));
  if (message.fds.size() != 1) return fail("no tap came");
  return std::move(message.fds.front());
}

}  // namespace

Child::~Child() { kill(); }

void Child::kill() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int Child::wait() {
  int status = 0;
  (void)::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<void> Namespaces::enter() const {
  if (::setns(user_.get(), CLONE_NEWUSER) != 0) return fail_errno("entering the user namespace");
  if (::setns(net_.get(), CLONE_NEWNET) != 0) return fail_errno("entering the network namespace");
  return {};
}

Result<Namespaces> Namespaces::create(const Namespaces* from) {
  auto [ours, theirs] = TRY(sys::pipe());
  int out = theirs.get();
  auto sleep_inside = [from, out]() -> int {
    Result<void> made = from != nullptr ? from->enter() : Result<void>{};
    if (made) made = become_root_of_new();
    (void)sys::write_all(out, made ? "ok" : made.error().what);
    (void)::close(out);
    for (;;) ::pause();
  };
  Child holder = TRY(fork_child(sleep_inside));
  theirs.reset();
  std::string answer = TRY(read_to_end(ours.get(), kStartMs));
  if (answer != "ok") return fail(answer);
  auto user = TRY(sys::open(fmt::format("/proc/{}/ns/user", holder.pid()), O_RDONLY));
  auto net = TRY(sys::open(fmt::format("/proc/{}/ns/net", holder.pid()), O_RDONLY));
  return Namespaces(std::move(holder), std::move(user), std::move(net));
}

Result<Child> Namespaces::start(const std::function<int()>& body) const {
  return fork_child([this, &body] {
    auto entered = enter();
    if (!entered) {
      (void)!::write(2, entered.error().what.data(), entered.error().what.size());
      return 98;
    }
    return body();
  });
}

Result<std::string> Namespaces::run(const std::function<Result<std::string>()>& body, int timeout_ms) const {
  auto [ours, theirs] = TRY(sys::pipe());
  int out = theirs.get();
  Child child = TRY(start([&body, out] {
    auto result = body();
    (void)sys::write_all(out, result ? *result : result.error().what);
    return result ? 0 : 1;
  }));
  theirs.reset();
  std::string answer = TRY(read_to_end(ours.get(), timeout_ms));
  if (int status = child.wait(); status != 0) return fail(fmt::format("child ended with {}: {}", status, answer));
  return answer;
}

Result<TapWorld> TapWorld::create(const Options& options) {
  auto host = TRY_WHILE("host", Namespaces::create());
  auto set_up = []() -> Result<std::string> {
    TRY(netns::bring_up_loopback());
    TRY(netns::create_dummy("uplink"));
    netns::LinkPlan plan{"uplink", 65520, {{*parse_ip(kUplinkV4), 24}, {*parse_ip(kUplinkV6), 64}}, {}};
    TRY(netns::configure_link(plan));
    return std::string();
  };
  (void)TRY_WHILE("host's links", host.run(set_up));
  auto guest = TRY_WHILE("guest", Namespaces::create(&host));
  TapWorld world(std::move(host), std::move(guest));
  std::optional<Cidr> v6;
  if (options.ipv6) v6 = *parse_cidr("fd00::/64");
  world.orders = TRY(netns::make_tap_orders(*parse_cidr("10.0.2.0/24"), v6, options.mtu, options.resolv_conf));
  UniqueFd tap = TRY_WHILE("tap", tap_inside(world.guest, world.orders));
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  int out = theirs.get();
  auto launch = [&]() -> int {
    Command command;
    command.argv = {options.driver, "tap-driver"};
    auto driver = netns::start_tap_driver(std::move(command), world.orders, tap.get(), kStartMs);
    tap.reset();
    if (!driver) {
      (void)send_message(out, driver.error().what);
      return 1;
    }
    (void)send_message(out, std::to_string(driver->process.pid()), {driver->life.get()});
    driver->life.reset();  // the test's alone from here on
    for (;;) ::pause();
  };
  world.launcher = std::make_unique<Child>(TRY(world.host.start(launch)));
  theirs.reset();
  auto message = TRY(receive_message(ours.get()));
  if (message.fds.size() != 1) return fail("driver: " + message.text);
  world.driver_pid = std::stoi(message.text);
  world.life = std::move(message.fds.front());
  return world;
}

std::string why_no_tap() {
  auto made = Namespaces::create();
  if (!made) return "no user namespace: " + made.error().what;
  auto tap = made->run([]() -> Result<std::string> {
    (void)TRY(netns::open_tap("tap0"));
    return std::string();
  });
  return tap ? "" : "no tap: " + tap.error().what;
}

}  // namespace sublet::test
