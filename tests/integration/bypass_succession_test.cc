// SPDX-License-Identifier: Apache-2.0
// What a broker does about a call that one before it was at when it was killed, at a moment that no test could hit by
// killing: the test is the one before.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/calls.h"
#include "bypass/doors.h"
#include "bypass/filter.h"
#include "bypass/socket_kind.h"
#include "tests/support/bypass_case.h"
#include "tests/support/inet.h"

using namespace sublet;
using namespace sublet::bypass;
using namespace sublet::test;

namespace {

// A listener on loopback that waits, and its port.
Result<std::pair<UniqueFd, Endpoint>> listening() {
  UniqueFd socket = TRY(sys::socket(AF_INET, SOCK_STREAM));
  const RawAddress any = raw_address(*parse_ip("127.0.0.1"), 0);
  if (::bind(socket.get(), any.get(), any.length) != 0 || ::listen(socket.get(), 5) != 0) return fail_errno("listen");
  const auto at = own_end(socket.get());
  if (!at) return fail("no name");
  return std::pair(std::move(socket), *at);
}

// A program under the filter that accepts once, and ends with 0 or the errno.
Result<pid_t> accept_watched(int socket, int keeper) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  auto installed = install(notify_filter());
  if (!installed || !send_message(keeper, "listener", {installed->listener.get()})) ::_exit(99);
  installed->listener.reset();
  ::_exit(::accept(socket, nullptr, nullptr) >= 0 ? 0 : errno);
}

// A broker's tools, over those slots.
struct Broker {
  Slots slots;
  AllDefaults defaults;
  CurrentPolicy policy{PolicyFacts{}};
  PodSockets sockets;
  std::unique_ptr<EpollRepair> repair;
  std::unique_ptr<Pending> pending;
  std::unique_ptr<Doors> doors;
  std::unique_ptr<Accepting> accepting;
  std::unique_ptr<Tools> tools;

  explicit Broker(Slots mapped) : slots(std::move(mapped)) {}
  Result<void> start() {
    repair = TRY(EpollRepair::start());
    pending = TRY(Pending::start(slots));
    doors = TRY(Doors::start(sockets));
    accepting = TRY(Accepting::start(slots, *doors, defaults));
    tools = std::make_unique<Tools>(Tools{slots, policy, sockets, *repair, *pending, *accepting, 0, true, defaults});
    return {};
  }
};

Result<std::string> accept_after_a_death() {
  auto [socket, at] = TRY(listening());
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const pid_t child = TRY(accept_watched(socket.get(), theirs.get()));
  theirs.reset();
  Message message = TRY(receive_message(ours.get()));
  if (message.fds.size() != 1) return fail("no listener");
  auto listener = std::make_shared<UniqueFd>(std::move(message.fds[0]));

  const UniqueFd memory = TRY(Slots::create_memory());
  {
    // The one before has fetched the call, and made the socket non-blocking for a look at it.
    Slots before = TRY(Slots::map(memory.get()));
    Slot* slot = before.take(1);
    if (receive(listener->get(), slot->notification) != 0) return fail("no call");
    slot->made_nonblocking.store(1);
    (void)::fcntl(socket.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  }
  Broker next(TRY(Slots::map(memory.get())));
  TRY(next.start());
  auto pod = std::make_shared<Pod>(Record{}, TRY(sys::open("/proc/self/ns/net", O_RDONLY)), 1);
  next.doors->open(pod, at.port);
  Calls calls(*next.tools, {1, listener->get(), true, false, listener, pod});
  for (Slot* slot : next.slots.adopt(1)) {
    calls.mend(*slot);
    calls.handle(slot, true);
  }
  std::string seen = (::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0 ? "changed, " : "as it was, ";
  const UniqueFd client = TRY(dial(SOCK_STREAM, "127.0.0.1", at.port));
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return fail("killed");
  return seen + (WEXITSTATUS(status) == 0 ? "accepted" : "errno " + std::to_string(WEXITSTATUS(status)));
}

}  // namespace

TEST_CASE("succession: a program that waits in accept goes on waiting, its socket as it was", "[bypass]") {
  if (!can_run()) return;
  const BypassWorld world = new_world();
  const auto seen = world.host.run(accept_after_a_death);
  if (!seen) FAIL(to_string(seen.error()));
  CHECK(*seen == "as it was, accepted");
}
