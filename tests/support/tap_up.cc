// SPDX-License-Identifier: Apache-2.0
// tap_up [--mtu N] [--no-ipv6] -- CMD…: runs CMD in new user and network namespaces whose way out is sublet's own tap
// driver, which runs in the namespaces that tap_up was started in. For scripts/bench.d/tap, and for looking at the
// driver by hand. `tap_up tap-driver` is the driver itself.
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>

#include <cstdio>
#include <cstring>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "netns/link.h"
#include "netns/tap.h"
#include "netns/tap_driver.h"

namespace {

using namespace sublet;

struct Options {
  std::uint32_t mtu = netns::kMaxTapMtu;
  bool ipv6 = true;
  std::vector<std::string> command;
};

Result<Options> parse(int argc, char** argv) {
  Options options;
  int at = 1;
  for (; at < argc && std::strcmp(argv[at], "--") != 0; ++at) {
    std::string argument = argv[at];
    if (argument == "--no-ipv6") {
      options.ipv6 = false;
    } else if (argument == "--mtu" && at + 1 < argc) {
      auto mtu = parse_int<std::uint32_t>(argv[++at]);
      if (!mtu) return fail("--mtu: not a number");
      options.mtu = *mtu;
    } else {
      return fail("usage: tap_up [--mtu N] [--no-ipv6] -- CMD…");
    }
  }
  for (++at; at < argc; ++at) options.command.emplace_back(argv[at]);
  if (options.command.empty()) return fail("usage: tap_up [--mtu N] [--no-ipv6] -- CMD…");
  return options;
}

netns::TapOrders orders_of(const Options& options) {
  auto host = netns::parse_resolv_conf(fs::read_file("/etc/resolv.conf").value_or(""));
  std::optional<netns::Cidr> v6;
  if (options.ipv6) v6 = *netns::parse_cidr("fd00::/64");
  auto orders =
      netns::make_tap_orders(*netns::parse_cidr("10.0.2.0/24"), v6, options.mtu, netns::resolv_conf_for_driver(host));
  if (!orders) {
    std::fprintf(stderr, "tap_up: %s\n", to_string(orders.error()).c_str());
    std::exit(1);
  }
  return *orders;
}

// In the new namespaces, as their root: makes the tap, sends it out, waits for the driver, becomes the command.
Result<void> inside(int socket, const Options& options) {
  netns::TapOrders orders = orders_of(options);
  auto tap = TRY(netns::open_tap("tap0"));
  TRY(netns::bring_up_loopback());
  TRY(netns::configure_link(netns::tap_link(orders, "tap0")));
  TRY(send_message(socket, "tap", {tap.get()}));
  tap.reset();
  (void)TRY(receive_message(socket));
  std::vector<char*> argv;
  for (const std::string& word : options.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return fail_errno("exec " + options.command.front());
}

Result<int> outside(const Options& options, const std::vector<std::string>& arguments) {
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  std::string self = TRY(own_executable());
  Command child;
  child.path = self;
  child.argv = {"tap_up", "inside"};
  child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
  child.fds = {{theirs.get(), 3}};
  child.namespaces = CLONE_NEWUSER | CLONE_NEWNET;
  child.become_root = true;
  child.parent_death_signal = SIGKILL;
  child.when_created = [](pid_t pid) -> Result<void> {
    std::string proc = fmt::format("/proc/{}/", pid);
    TRY(fs::write_existing(proc + "setgroups", "deny"));
    TRY(fs::write_existing(proc + "uid_map", fmt::format("0 {} 1", ::geteuid())));
    return fs::write_existing(proc + "gid_map", fmt::format("0 {} 1", ::getegid()));
  };
  Process guest = TRY(child.spawn());
  theirs.reset();
  auto message = TRY(receive_message(ours.get()));
  if (message.fds.size() != 1) return TRY(guest.wait()).shell_status();
  Command command;
  command.path = self;
  command.argv = {"tap_up", "tap-driver"};
  auto driver = TRY(netns::start_tap_driver(std::move(command), orders_of(options), message.fds[0].get(), 10000));
  message.fds.clear();
  TRY(send_message(ours.get(), "go"));
  return TRY(guest.wait()).shell_status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "tap-driver") == 0) return netns::tap_driver_main();
  bool is_inside = argc > 1 && std::strcmp(argv[1], "inside") == 0;
  auto options = is_inside ? parse(argc - 1, argv + 1) : parse(argc, argv);
  Result<int> status = 0;
  if (!options) {
    status = tl::unexpected(options.error());
  } else if (is_inside) {
    status = tl::unexpected(inside(3, *options).error());
  } else {
    status = outside(*options, std::vector<std::string>(argv + 1, argv + argc));
  }
  if (status) return *status;
  std::fprintf(stderr, "tap_up: %s\n", to_string(status.error()).c_str());
  return 1;
}
