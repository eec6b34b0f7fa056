// SPDX-License-Identifier: Apache-2.0
#include "tests/support/bypass_world.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/socket_kind.h"
#include "tests/support/dialler.h"
#include "tests/support/inet.h"
#include "tests/support/probe/probe.h"

namespace sublet::test {
namespace {

using probe::kCanary;
using probe::kEcho;

// `ip` of iproute2, which sublet needs anyway.
Result<void> ip(const std::string& batch) {
  auto [read, write] = TRY(sys::pipe());
  TRY(sys::write_all(write.get(), batch));
  write.reset();
  const std::optional<std::string> program = find_program("ip");
  if (!program) return fail("there is no ip (iproute2)");
  Command command{.path = *program, .argv = {"ip", "-batch", "-"}};
  command.fds = {{read.get(), 0}};
  auto process = TRY(command.spawn());
  const ExitStatus status = TRY(process.wait());
  if (!status.success()) return fail("ip: " + status.describe());
  return {};
}

// One thread; all connections and datagrams are echoed.
int serve_echo() {
  std::vector<UniqueFd> own;
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return ::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  for (const char* address : {"0.0.0.0", "::"})
    for (int type : {SOCK_STREAM, SOCK_DGRAM}) {
      auto socket = serve(type, address, kEcho);
      if (!socket) return 97;
      if (type == SOCK_STREAM) (void)::listen(socket->get(), 4096);
      (void)watch(socket->get());
      own.push_back(std::move(*socket));
    }
  for (;;) {
    epoll_event event{};
    if (::epoll_wait(set.get(), &event, 1, -1) != 1) continue;
    const int fd = event.data.fd;
    char buffer[4096];
    if (fd == own[0].get() || fd == own[2].get()) {
      if (const int taken = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); taken >= 0) (void)watch(taken);
    } else if (fd == own[1].get() || fd == own[3].get()) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      auto* name = reinterpret_cast<sockaddr*>(&from);
      const ssize_t count = ::recvfrom(fd, buffer, sizeof buffer, 0, name, &size);
      if (count > 0) (void)::sendto(fd, buffer, static_cast<std::size_t>(count), 0, name, size);
    } else {
      const ssize_t count = ::read(fd, buffer, sizeof buffer);
      if (count > 0) (void)::send(fd, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL);
      if (count <= 0) (void)::close(fd);
    }
  }
}

constexpr const char* kServerSide =
    "link set lo up\naddr add 192.0.2.2/24 dev eth1\naddr add 192.0.2.130/24 dev eth1\n"
    "addr add 2001:db8::2/64 dev eth1 nodad\nlink set eth1 up\n";

std::string host_side(pid_t server) {
  return fmt::format(
      "link set lo up\nlink add eth0 type veth peer name eth1 netns {}\naddr add 192.0.2.1/24 dev eth0\n"
      "addr add 2001:db8::1/64 dev eth0 nodad\nlink set eth0 up\nroute add default via 192.0.2.2\n"
      "route add default via 2001:db8::2\nneigh add {} lladdr 02:00:00:00:00:66 dev eth0 nud permanent\n",
      server, probe::kBlackhole);
}

Result<void> sing(int out) {
  std::vector<UniqueFd> sockets;
  for (const char* address : {"127.0.0.1", "127.0.0.53", "127.1.2.3", "::1"})
    for (int type : {SOCK_STREAM, SOCK_DGRAM}) sockets.push_back(TRY(serve(type, address, kCanary)));
  UniqueFd abstract = TRY(sys::socket(AF_UNIX, SOCK_STREAM));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  constexpr std::string_view kName = "bypass-canary";
  std::memcpy(name.sun_path + 1, kName.data(), kName.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
  if (::bind(abstract.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) return fail_errno("bind");
  if (::listen(abstract.get(), 5) != 0) return fail_errno("listen");
  sockets.push_back(std::move(abstract));
  std::vector<int> numbers;
  for (const UniqueFd& socket : sockets) numbers.push_back(socket.get());
  return send_message(out, "canaries", numbers);
}

}  // namespace

Result<BypassWorld> BypassWorld::create() {
  BypassWorld world(TRY(Namespaces::create()));
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const int far = theirs.get();
  auto serve_there = [far]() -> int {
    if (::unshare(CLONE_NEWNET) != 0 || !send_message(far, "there")) return 97;
    auto go = receive_message(far);
    if (!go || go->end || !ip(kServerSide) || !send_message(far, "up")) return 97;
    const pid_t dialler = ::fork();
    if (dialler == 0) {
      (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::_exit(serve_dials("0.0.0.0", probe::kDials));
    }
    return serve_echo();
  };
  world.server_ = std::make_unique<Child>(TRY(world.host.start(serve_there)));
  (void)TRY(receive_message(ours.get()));
  const pid_t server = world.server_->pid();
  auto [canaries, singer] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const int out = singer.get();
  auto set_up = [server, out]() -> Result<std::string> {
    TRY(ip(host_side(server)));
    // Who is not there, is soon known not to be.
    const UniqueFd file = TRY(sys::open("/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms", O_WRONLY));
    TRY(sys::write_all(file.get(), "100"));
    TRY(sing(out));
    return std::string();
  };
  (void)TRY_WHILE("the host's side", world.host.run(set_up));
  world.canaries_ = TRY(receive_message(canaries.get())).fds;
  TRY(send_message(ours.get(), "go"));
  theirs.reset();
  if (TRY(receive_message(ours.get())).text != "up") return fail("the server does not come up");
  auto dial = [] { return serve_dials("0.0.0.0", probe::kDials); };
  world.dialler_ = std::make_unique<Child>(TRY(world.host.start(dial)));
  return world;
}

Result<PodRun> BypassWorld::pod(const std::vector<std::string>& words, int timeout_ms) const {
  auto run_it = [&]() -> Result<std::string> {
    Command command{.path = POD_UP, .argv = {"pod_up"}};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    const Output output = TRY(sublet::run(std::move(command), timeout_ms));
    return fmt::format("{}\n{}{}", output.status.shell_status(), output.out, output.err);
  };
  const std::string text = TRY(host.run(run_it, timeout_ms + 5000));
  const std::size_t end = text.find('\n');
  return PodRun{std::stoi(text.substr(0, end)), text.substr(end + 1)};
}

bool BypassWorld::heard() const {
  std::vector<pollfd> waiting;
  for (const UniqueFd& canary : canaries_) waiting.push_back({canary.get(), POLLIN, 0});
  return ::poll(waiting.data(), waiting.size(), 100) != 0;
}

std::string why_no_bypass() {
  if (std::string why = why_no_tap(); !why.empty()) return why;
  if (bypass::own_network() == 0) return "this kernel does not tell network namespaces of sockets apart";
  if (!find_program("ip")) return "there is no ip (iproute2)";
  return "";
}

}  // namespace sublet::test
