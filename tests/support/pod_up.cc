// SPDX-License-Identifier: Apache-2.0
// pod_up [OPTION…] -- CMD…: runs CMD as in a pod, without a cluster: in new user and network namespaces whose way out
// is sublet's own tap driver, and with --bypass its own broker. Both run in the namespaces that pod_up was started in.
// For the tests and benchmarks of both, and for looking at them by hand.
//   --mtu N --no-ipv6     the tap's
//   --bypass              with the broker; --level LEVEL: and this (bypass/record.h), "fast" if not given
//   --cluster CIDR, --deny CIDR, --device NAME, --ipv6    what the broker is told
//   --policies            somebody will tell of isolated pods; --isolation JSON: and this is it (bypass/isolation.h)
//   --status FILE         at the end, what the broker counted
//   --broker-pid FILE     its pid, each time it is started: it is started again when it dies
//   --broker-files N      its limit of open files
//   --door HOST:POD       connections for this port of the host are handed to that port of the pod; as often as wanted
//   --execs N             CMD is run N times, each time under a listener of its own; early on and at the end, what the
//                         broker holds
//   --pods N              CMD is run N times at once, each time under a listener of its own
//   --until FILE          CMD is killed when this file is there, which is no failure
//   --beside SCRIPT       a shell's, under a listener of its own, as long as CMD runs
// `pod_up tap-driver` and `pod_up broker` are the helpers themselves.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/event_loop.h"
#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/broker.h"
#include "bypass/filter.h"
#include "bypass/hand_over.h"
#include "bypass/isolation.h"
#include "bypass/keeper.h"
#include "bypass/listener.h"
#include "bypass/start.h"
#include "netns/link.h"
#include "netns/tap.h"
#include "netns/tap_driver.h"
#include "tests/support/knocker.h"

namespace {

using namespace sublet;

struct Options {
  std::uint32_t mtu = netns::kMaxTapMtu;
  bool ipv6 = true;
  bool bypass = false;
  bypass::Level level = bypass::Level::kFast;
  bypass::BrokerOrders broker;
  std::string isolation;
  std::string status;
  std::string broker_pid;
  unsigned long broker_files = 0;
  std::vector<std::string> doors;
  std::uint32_t execs = 1;
  std::uint32_t pods = 1;
  std::string until;
  std::string beside;
  std::vector<std::string> command;
};

Result<Options> parse(int argc, char** argv) {
  Options options;
  int at = 1;
  for (; at < argc && std::strcmp(argv[at], "--") != 0; ++at) {
    const std::string argument = argv[at];
    if (argument == "--no-ipv6") {
      options.ipv6 = false;
    } else if (argument == "--bypass") {
      options.bypass = true;
    } else if (argument == "--policies") {
      options.broker.policies = true;
    } else if (argument == "--ipv6") {
      options.broker.pods_have_ipv6 = true;
    } else if (at + 1 < argc) {
      const std::string value = argv[++at];
      if (argument == "--mtu") {
        auto mtu = parse_int<std::uint32_t>(value);
        if (!mtu) return fail("--mtu: not a number");
        options.mtu = *mtu;
      } else if (argument == "--level") {
        options.level = TRY(bypass::level_from(value));
      } else if (argument == "--cluster") {
        options.broker.cluster.push_back(TRY(parse_cidr(value)));
      } else if (argument == "--deny") {
        options.broker.denied.push_back(TRY(parse_cidr(value)));
      } else if (argument == "--device") {
        options.broker.device = value;
      } else if (argument == "--isolation") {
        options.isolation = value;
      } else if (argument == "--status") {
        options.status = value;
      } else if (argument == "--broker-pid") {
        options.broker_pid = value;
      } else if (argument == "--broker-files") {
        options.broker_files = parse_int<unsigned long>(value).value_or(0);
      } else if (argument == "--door") {
        options.doors.push_back(value);
      } else if (argument == "--execs") {
        options.execs = parse_int<std::uint32_t>(value).value_or(1);
      } else if (argument == "--pods") {
        options.pods = parse_int<std::uint32_t>(value).value_or(1);
      } else if (argument == "--until") {
        options.until = value;
      } else if (argument == "--beside") {
        options.beside = value;
      } else {
        return fail("unknown option " + argument);
      }
    }
  }
  for (++at; at < argc; ++at) options.command.emplace_back(argv[at]);
  if (options.command.empty()) return fail("no command");
  return options;
}

Result<netns::TapOrders> orders_of(const Options& options) {
  auto host = netns::parse_resolv_conf(fs::read_file("/etc/resolv.conf").value_or(""));
  std::optional<Cidr> v6;
  if (options.ipv6) v6 = TRY(parse_cidr("fd00::/64"));
  const Cidr v4 = TRY(parse_cidr("10.0.2.0/24"));
  auto orders = TRY(netns::make_tap_orders(v4, v6, options.mtu, netns::resolv_conf_for_driver(host)));
  orders.denied = options.broker.denied;
  return orders;
}

// ---- inside: root of the new namespaces ----

constexpr int kOutsideFd = 3;

Error become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return fail_errno("exec " + command.front()).value();
}

// What the OCI wrapper does.
Result<void> go_under_filter(const std::string& keeper, bypass::Level level) {
  const UniqueFd connection = TRY(bypass::reach_keeper(keeper));
  const UniqueFd network = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
  auto installed = TRY(bypass::install(bypass::notify_filter(level == bypass::Level::kFastUdp)));
  bypass::Record record{"uid-1", "default", "pod-up", "main", "id-1", level, installed.killable};
  return bypass::hand_over(connection.get(), record, installed.listener.get(), network.get());
}

// A child under a listener of its own; -1: errno.
pid_t start_watched(const std::string& keeper, bypass::Level level, const std::vector<std::string>& command) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  (void)::close(kOutsideFd);
  (void)::setpgid(0, 0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto ready = go_under_filter(keeper, level);
  const Error error = ready ? become(command) : ready.error();
  std::fprintf(stderr, "pod_up: %s\n", to_string(error).c_str());
  ::_exit(127);
}

int status_of(pid_t child) {
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Lets it run until that file is there.
int run_until(pid_t child, const std::string& path) {
  int status = 0;
  while (::access(path.c_str(), F_OK) != 0) {
    if (::waitpid(child, &status, WNOHANG) != 0) return 1;  // by itself: it should not have ended
    constexpr timespec kMoment{0, 20'000'000};
    (void)::nanosleep(&kMoment, nullptr);
  }
  (void)::kill(-child, SIGKILL);
  (void)::waitpid(child, &status, 0);
  return 0;
}

// What the kubelet does.
int run_commands(const Options& options, const std::string& keeper) {
  if (!options.isolation.empty()) {
    auto isolation = bypass::isolation_from_json(options.isolation);
    if (!isolation || !bypass::tell_isolation(keeper, *isolation)) return 98;
  }
  pid_t beside = 0;
  if (!options.beside.empty()) beside = start_watched(keeper, options.level, {"sh", "-c", options.beside});
  int status = 0;
  std::vector<pid_t> others;
  for (std::uint32_t i = 1; i < options.pods; ++i)
    others.push_back(start_watched(keeper, options.level, options.command));
  for (std::uint32_t i = 0; i < options.execs && status == 0; ++i) {
    if (options.execs > 1 && i == options.execs / 10) (void)send_message(kOutsideFd, "measure");
    const pid_t child = start_watched(keeper, options.level, options.command);
    status = options.until.empty() ? status_of(child) : run_until(child, options.until);
  }
  for (pid_t other : others) status = std::max(status, status_of(other));
  if (options.execs > 1) (void)send_message(kOutsideFd, "measure");
  if (beside > 0) (void)::kill(-beside, SIGKILL);
  return status;
}

// Where whoever runs us has room, and removes what is left there when we are killed.
Result<fs::ScopedTempDir> temporary_folder() {
  const char* parent = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets variables here
  return fs::ScopedTempDir::create(parent != nullptr ? parent : "/tmp");
}

// What node-init does: keeps, while the command runs.
Result<int> keep(const Options& options) {
  EventLoop loop = TRY(EventLoop::create());
  const fs::ScopedTempDir folder = TRY(temporary_folder());
  const std::string path = folder.path() + "/keeper";
  auto keeper = TRY(bypass::Keeper::create(loop, path));
  auto on_message = [&](std::uint32_t) {
    auto message = receive_message(kOutsideFd);
    if (!message || message->end) return loop.stop(0);
    if (message->text == "broker" && message->fds.size() == 1) keeper->connect(std::move(message->fds[0]));
  };
  auto outside = TRY(loop.on_fd(kOutsideFd, EPOLLIN, on_message));
  // The filter needs a broker that answers, so the command comes after it; told by "go".
  pid_t child = ::fork();
  if (child == 0) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(run_commands(options, path));
  }
  if (child < 0) return fail_errno("fork");
  const Process process(child, TRY(sys::pidfd_open(child)));
  // The end is the outside's: it may want to ask the broker something before.
  auto ended = TRY(loop.on_exit(process, [&](ExitStatus status) {
    if (!send_message(kOutsideFd, std::to_string(status.shell_status()))) loop.stop(1);
  }));
  const int status = TRY(loop.run());
  return status;
}

Result<int> inside(const Options& options) {
  const netns::TapOrders orders = TRY(orders_of(options));
  UniqueFd tap = TRY(netns::open_tap("tap0"));
  TRY(netns::bring_up_loopback());
  TRY(netns::configure_link(netns::tap_link(orders, "tap0")));
  TRY(send_message(kOutsideFd, "tap", {tap.get()}));
  tap.reset();
  (void)TRY(receive_message(kOutsideFd));
  if (!options.bypass) {
    (void)::fcntl(kOutsideFd, F_SETFD, FD_CLOEXEC);
    return tl::unexpected(become(options.command));
  }
  return keep(options);
}

// ---- outside ----

class Outside {
 public:
  Outside(const Options& options, std::string self) : options_(options), self_(std::move(self)) {}

  Result<int> run(const std::vector<std::string>& arguments) {
    auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
    ours_ = std::move(ours);
    Command child;
    child.path = self_;
    child.argv = {"pod_up", "inside"};
    child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
    child.fds = {{theirs.get(), kOutsideFd}};
    child.namespaces = CLONE_NEWUSER | CLONE_NEWNET;
    child.become_root = true;
    child.parent_death_signal = SIGKILL;
    child.when_created = [](pid_t pid) -> Result<void> {
      const std::string proc = fmt::format("/proc/{}/", pid);
      TRY(fs::write_existing(proc + "setgroups", "deny"));
      TRY(fs::write_existing(proc + "uid_map", fmt::format("0 {} 1", ::geteuid())));
      return fs::write_existing(proc + "gid_map", fmt::format("0 {} 1", ::getegid()));
    };
    const Process guest = TRY(child.spawn());
    theirs.reset();
    auto message = TRY(receive_message(ours_.get()));
    if (message.fds.size() != 1) return TRY(guest.wait()).shell_status();
    Command command;
    command.path = self_;
    command.argv = {"pod_up", "tap-driver"};
    const netns::TapOrders orders = TRY(orders_of(options_));
    auto driver = TRY(netns::start_tap_driver(std::move(command), orders, message.fds[0].get(), 10000));
    message.fds.clear();
    TRY(send_message(ours_.get(), "go"));
    if (!options_.bypass) return TRY(guest.wait()).shell_status();
    return with_broker(guest);
  }

 private:
  Result<int> with_broker(const Process& guest) {
    EventLoop loop = TRY(EventLoop::create());
    user_namespace_ = TRY(sys::open(fmt::format("/proc/{}/ns/user", guest.pid()), O_RDONLY));
    const fs::ScopedTempDir folder = TRY(temporary_folder());
    const std::string path = folder.path() + "/status";
    status_ = TRY(listen_unix(path, SOCK_SEQPACKET));
    auto began = start_broker(loop);
    int status = 1;
    if (began) {
      auto on_message = [&](std::uint32_t) {
        auto message = receive_message(ours_.get());
        if (message && message->text == "measure") return measure();
        loop.stop(message ? parse_int<int>(message->text).value_or(1) : 1);
      };
      auto ended = TRY(loop.on_fd(ours_.get(), EPOLLIN, on_message));
      status = TRY(loop.run());
      if (!options_.status.empty()) began = write_status(path);
    }
    broker_watch_.reset();
    ours_.reset();
    (void)guest.wait();
    if (!began) return tl::unexpected(began.error());
    return status;
  }

  Result<void> start_broker(EventLoop& loop) {
    auto [keeper, broker] = TRY(sys::socketpair(SOCK_SEQPACKET));
    Command command;
    command.path = self_;
    command.argv = {"pod_up", "broker"};
    command.argv.insert(command.argv.end(), options_.doors.begin(), options_.doors.end());
    command.open_files = options_.broker_files;
    broker_.emplace(TRY(bypass::start_broker(std::move(command), options_.broker,
                                             {broker.get(), status_.get(), user_namespace_.get()})));
    if (!options_.broker_pid.empty()) TRY(fs::write_file(options_.broker_pid, std::to_string(broker_->process.pid())));
    // Last: with this the pod's program may begin, and it may read that file.
    TRY(send_message(ours_.get(), "broker", {keeper.get()}));
    keeper.reset();
    auto restart = [this, &loop](ExitStatus exit) {
      std::fprintf(stderr, "pod_up: the broker ended: %s\n", exit.describe().c_str());
      if (auto again = start_broker(loop); !again) {
        std::fprintf(stderr, "pod_up: %s\n", to_string(again.error()).c_str());
        loop.stop(1);
      }
    };
    broker_watch_ = TRY(loop.on_exit(broker_->process, restart));
    return {};
  }

  // Descriptors are counted once the broker has had time to hear of listeners' ends.
  void measure() const {
    constexpr timespec kMoment{0, 300'000'000};
    (void)::nanosleep(&kMoment, nullptr);
    const std::string proc = fmt::format("/proc/{}/", broker_->process.pid());
    std::size_t files = 0;
    std::error_code error;
    for (auto at = std::filesystem::directory_iterator(proc + "fd", error); at != end(at); at.increment(error)) ++files;
    std::string threads = "?";
    std::string kilobytes = "?";
    for (const std::string& line : lines(fs::read_file(proc + "status").value_or(""))) {
      if (line.starts_with("Threads:")) threads = line.substr(9);
      if (line.starts_with("VmRSS:")) kilobytes = std::to_string(std::atoi(line.c_str() + 6));
    }
    std::printf("broker: %zu descriptors, %s threads, %s kB\n", files, threads.c_str(), kilobytes.c_str());
    std::fflush(stdout);
  }

  Result<void> write_status(const std::string& path) {
    const UniqueFd connection = TRY(connect_unix(path, SOCK_SEQPACKET));
    TRY(send_message(connection.get(), "status"));
    return fs::write_file(options_.status, TRY(receive_message(connection.get())).text + "\n");
  }

  const Options& options_;
  std::string self_;
  UniqueFd ours_;
  UniqueFd status_;
  UniqueFd user_namespace_;
  std::optional<bypass::BrokerProcess> broker_;
  EventLoop::Watch broker_watch_;
};

constexpr const char* kPodAddress = "10.0.2.100";  // what orders_of() makes of it

int be_broker(const std::vector<std::string>& doors) {
  std::vector<test::KnockerPort> ports;
  for (const std::string& each : doors)
    if (auto port = test::knocker_port(each, kPodAddress)) ports.push_back(*port);
  if (ports.size() != doors.size()) return 2;
  return bypass::broker_main(
      [ports](bypass::Doors& to, const std::shared_ptr<bypass::Pod>& pod) { test::start_knocker(to, pod, ports); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "tap-driver") == 0) return netns::tap_driver_main();
  if (argc >= 2 && std::strcmp(argv[1], "broker") == 0) return be_broker({argv + 2, argv + argc});
  const bool is_inside = argc > 1 && std::strcmp(argv[1], "inside") == 0;
  auto options = is_inside ? parse(argc - 1, argv + 1) : parse(argc, argv);
  Result<int> status = 0;
  if (!options) {
    status = tl::unexpected(options.error());
  } else if (is_inside) {
    status = inside(*options);
  } else if (auto self = own_executable(); !self) {
    status = tl::unexpected(self.error());
  } else {
    status = Outside(*options, *self).run(std::vector<std::string>(argv + 1, argv + argc));
  }
  if (status) return *status;
  std::fprintf(stderr, "pod_up: %s\n", to_string(status.error()).c_str());
  return 1;
}
