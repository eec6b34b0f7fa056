// SPDX-License-Identifier: Apache-2.0
#include "bypass/calls.h"

#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "bypass/abi.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

namespace sublet::bypass {
namespace {

// How long a listener's own thread waits for a connection before it goes to the thread for all of them: the answer of a
// host nearby comes sooner than two wake-ups.
constexpr int kPatienceMs = 2;

// Waits for the socket or for another notification, whatever comes first. True: the socket.
bool soon(int socket, int listener) {
  pollfd both[] = {{socket, POLLOUT, 0}, {listener, POLLIN, 0}};
  return ::poll(both, 2, kPatienceMs) > 0 && both[0].revents != 0;
}

}  // namespace

std::array<std::uint64_t, 6> widen(const std::array<std::uint32_t, 4>& words) {
  return {words[0], words[1], words[2], words[3], 0, 0};
}

Calls::Calls(Tools& tools, Listener listener) : tools_(tools), listener_(std::move(listener)) {}

void Calls::handle(Slot* slot, bool again) {
  const seccomp_notif& call = slot->notification;
  Request request{slot, call.id, static_cast<pid_t>(call.pid), again, {}};
  for (std::size_t i = 0; i < request.arguments.size(); ++i) request.arguments[i] = call.data.args[i];
  end(request, what(request, call.data));
}

void Calls::mend(Slot& slot) {
  if (slot.made_nonblocking.load() == 0) return;
  const seccomp_notif& call = slot.notification;
  const UniqueFd socket = copy_fd(pidfds_, static_cast<pid_t>(call.pid), static_cast<int>(call.data.args[0]));
  if (socket && still_valid(listener_.fd, call.id)) mend_mode(socket.get(), slot);
}

void Calls::end(const Request& request, Ending ending) {
  if (ending.kind == Ending::Kind::kTaken) return;
  // ENOENT in both: the thread is gone.
  if (ending.kind == Ending::Kind::kPass)
    (void)go_on(listener_.fd, request.id);
  else
    (void)answer(listener_.fd, request.id, ending.value, ending.error);
  tools_.slots.give_back(request.slot);
}

Calls::Ending Calls::what(const Request& request, const seccomp_data& call) {
  switch (call_of(call.arch, static_cast<std::uint32_t>(call.nr))) {
    case Call::kSocket: return on_socket(request);
    case Call::kConnect: return on_connect(request);
    case Call::kBind: return on_bind(request);
    case Call::kListen: return on_listen(request);
    case Call::kAccept:
    case Call::kAccept4: return on_accept(request);
    case Call::kSetsockopt: return on_foreign(request, Reason::kOption);
    case Call::kIoctl: return on_foreign(request, Reason::kInterfaces);
    case Call::kSocketcall: return on_socketcall(request, call);
    case Call::kSendto: return on_sendto(request);
    default: return pass();  // the filter hands over nothing else
  }
}

Calls::Ending Calls::on_socketcall(const Request& request, const seccomp_data& call) {
  const auto which = static_cast<std::uint32_t>(call.args[0]);
  std::array<std::uint32_t, 4> words{};
  const std::size_t count = which == SYS_LISTEN ? 2 : which == SYS_SENDTO || which == SYS_SENDMMSG ? 4 : 3;
  if (const int error = read_memory(request.thread, call.args[1] & 0xffffffffU, words.data(), count * 4); error != 0)
    return reply(error);
  Request meant = request;
  meant.arguments = widen(words);
  switch (which) {
    case SYS_CONNECT: return on_connect(meant);
    case SYS_BIND: return on_bind(meant);
    case SYS_LISTEN: return on_listen(meant);
    default: break;
  }
  // A send that would connect, as the filter has it for the other ABIs. The kernel reads the flags once more: whoever
  // changes them meanwhile gets as far as the socket's device leads.
  const std::uint32_t flags = which == SYS_SENDMSG ? words[2] : words[3];
  return (flags & MSG_FASTOPEN) != 0 ? reply(EOPNOTSUPP) : pass();
}

const PolicyFacts& Calls::policy() {
  if (const std::uint64_t now = tools_.policy.generation(); now != policy_generation_) {
    policy_ = tools_.policy.get();
    policy_generation_ = now;
  }
  return *policy_;
}

bool Calls::is_hosts(const SocketKind& kind) const { return kind.network == tools_.host_network; }

UniqueFd Calls::host_socket(int domain, int type) {
  const int device = policy().device;
  if (device == 0) return UniqueFd();
  UniqueFd socket(::socket(domain, type | SOCK_CLOEXEC, 0));
  // What keeps the host's loopback and its other devices out of reach, whatever a program makes of this descriptor:
  // once bound, only CAP_NET_RAW over the host's namespace could change it (sock_bindtoindex(), net/core/sock.c).
  if (socket && ::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof device) != 0) socket.reset();
  return socket;
}

Calls::Ending Calls::on_socket(const Request& request) {
  Counters& counters = listener_.pod->counters;
  const int domain = static_cast<int>(request.arguments[0]);
  const int flags = static_cast<int>(request.arguments[1]);
  constexpr int kKnown = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  if ((flags & ~kKnown) != 0) return pass();  // EINVAL
  if (network_namespace(request.thread) != listener_.pod->network_inode) {
    counters.count(Reason::kOtherNamespace);
    return pass();
  }
  // Our predecessor gave it one already.
  if (const std::uint32_t given = request.slot->given.load(); given != 0)
    return {Ending::Kind::kReply, 0, static_cast<int>(given) - 1};
  if (listener_.pod->isolated.load(std::memory_order_relaxed)) {
    counters.count(Reason::kNetworkPolicy);
    return pass();
  }
  const UniqueFd socket = host_socket(domain);
  if (!socket || ((flags & SOCK_NONBLOCK) != 0 && ::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0)) {
    counters.count(policy().device == 0 ? Reason::kNoRoute : Reason::kResources);
    return pass();
  }
  const int number = add_fd(listener_.fd, request.id, socket.get(), (flags & SOCK_CLOEXEC) != 0);
  // The program has no number left: that is socket(2)'s answer, too. It comes as EBADF for its own limit.
  if (number == -EMFILE || number == -EBADF) return reply(EMFILE);
  if (number < 0) {
    if (number != -ENOENT) counters.count(Reason::kResources);
    return pass();
  }
  request.slot->given.store(static_cast<std::uint32_t>(number) + 1);
  counters.count(counters.sockets);
  return {Ending::Kind::kReply, 0, number};
}

int Calls::copy_address(const Request& request, RawAddress& address, std::size_t at) {
  const int length = static_cast<int>(request.arguments[at + 1]);
  // As move_addr_to_kernel() (net/socket.c) has it.
  if (length < 0 || static_cast<std::size_t>(length) > sizeof address.storage) return EINVAL;
  address.length = static_cast<socklen_t>(length);
  const int error = read_memory(request.thread, request.arguments[at], &address.storage, address.length);
  if (error != 0) return EFAULT;
  // What was read may have been another process's by now.
  return still_valid(listener_.fd, request.id) ? 0 : ENOENT;
}

UniqueFd Calls::pod_socket(int old_fd, int domain, int type) {
  UniqueFd made = type == SOCK_DGRAM ? tools_.pod_sockets.make(listener_.pod, domain, type, 0)
                                     : tools_.pod_sockets.take(listener_.pod, domain);
  if (!made) return made;
  if (const int error = tools_.defaults.of(domain, type).copy(old_fd, made.get()); error != 0) {
    errno = error;
    return UniqueFd();
  }
  return made;
}

std::optional<Calls::Ending> Calls::put_in_place(const Request& request, int old_fd, int new_fd, Reason reason) {
  const SwapTarget target{listener_.fd, request.id, request.thread, request.number()};
  switch (swap_fd(target, old_fd, new_fd, scan_, tools_.repair, pidfds_)) {
    case SwapResult::kDone: listener_.pod->counters.count(reason); return std::nullopt;
    // The descriptor was changed under the call: so may the kernel find it, and say so.
    case SwapResult::kChanged: return reply(EBADF);
    case SwapResult::kFailed: return reply(errno);
    case SwapResult::kGone: break;
  }
  tools_.slots.give_back(request.slot);
  return taken();
}

Calls::Ending Calls::connect(const Request& request, UniqueFd socket, const RawAddress& to, bool ours) {
  bool waits = false;
  int error = connect_now(socket.get(), to, waits, request.slot);
  const bool under_way = error == EINPROGRESS || error == EALREADY;
  if (under_way && waits && soon(socket.get(), listener_.fd))
    error = connect_now(socket.get(), to, waits, request.slot);
  // Our predecessor had begun it, or come to its end, but not to say so.
  if (request.again && error == EISCONN) error = 0;
  if (request.again && error == EALREADY) error = EINPROGRESS;
  if (waits && (error == EINPROGRESS || error == EALREADY)) {
    tools_.pending.add({request.slot, listener_.fd, listener_.keep, listener_.pod, std::move(socket), to,
                        listener_.killable, ours, error});
    return taken();
  }
  if (ours && error != 0 && error != EINPROGRESS && error != EALREADY && error != EISCONN)
    listener_.pod->counters.count(listener_.pod->counters.failed);
  return reply(error);
}

Calls::Ending Calls::on_connect(const Request& request) {
  UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return reply(errno == EMFILE || errno == ENFILE ? ENOBUFS : EBADF);
  const SocketKind kind = kind_of(socket.get());
  if (!kind.is_socket()) return reply(kind.error);
  if (request.again) mend_mode(socket.get(), *request.slot);
  // Names of other families are the program's own: its files, its credentials.
  if (!kind.is_inet()) return pass();
  RawAddress to;
  if (const int error = copy_address(request, to); error != 0) return reply(error);
  if (!is_hosts(kind)) {
    if (auto ending = make_hosts(request, socket.get(), kind.domain, to); ending) return *ending;
    return connect(request, std::move(socket), to, false);
  }
  if (listener_.datagrams && type_of(socket.get()) == SOCK_DGRAM)
    return connect_datagrams(request, socket.get(), kind.domain, to);

  Counters& counters = listener_.pod->counters;
  const std::optional<Endpoint> endpoint = endpoint_of(to);
  // AF_UNSPEC undoes a connection (connect(2)); anything else is the kernel's to refuse. Neither reaches anybody.
  if (!endpoint) return connect(request, std::move(socket), to, false);
  // It may have got the socket before the policy was there.
  const bool isolated = listener_.pod->isolated.load(std::memory_order_relaxed);
  // One that was handed to it (doors.h), and let go: it leads nowhere (Doors::guard()), so it is the pod's from here
  // on.
  const Reason reason = isolated                       ? Reason::kNetworkPolicy
                        : device_of(socket.get()) == 0 ? Reason::kServer
                                                       : decide(policy(), *endpoint);
  if (reason == Reason::kNone) {
    counters.count(counters.connections);
    return connect(request, std::move(socket), to, true);
  }
  // Connected already: the kernel will say EISCONN or EALREADY, but not be given an address that it must not have.
  if (!is_idle(socket.get())) {
    RawAddress nowhere;
    nowhere.storage.ss_family = static_cast<sa_family_t>(kind.domain);
    nowhere.length = kind.domain == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    return connect(request, std::move(socket), nowhere, false);
  }
  UniqueFd inner = pod_socket(socket.get(), kind.domain);
  if (!inner) return reply(errno);
  bool waits = false;
  const int error = connect_now(inner.get(), to, waits, nullptr);
  if (auto ending = put_in_place(request, socket.get(), inner.get(), reason); ending) return *ending;
  if (waits && error == EINPROGRESS) return connect(request, std::move(inner), to, false);
  return reply(error);
}

Calls::Ending Calls::on_bind(const Request& request) {
  UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return reply(EBADF);
  const SocketKind kind = kind_of(socket.get());
  if (!kind.is_socket()) return reply(kind.error);
  if (!kind.is_inet()) return pass();
  RawAddress address;
  if (const int error = copy_address(request, address); error != 0) return reply(error);
  if (!is_hosts(kind)) {
    int error = ::bind(socket.get(), address.get(), address.length) == 0 ? 0 : errno;
    // A port that takes a privilege, which the program may have, and we do not (see drop_rights()): the kernel judges.
    if (error == EACCES) return pass();
    if (request.again && error == EINVAL) error = 0;  // our predecessor had bound it, but not said so
    return reply(error);
  }
  if (!is_idle(socket.get())) return reply(EINVAL);  // as for any socket that has a port already
  UniqueFd inner = pod_socket(socket.get(), kind.domain);
  if (!inner) return reply(errno);
  const int error = ::bind(inner.get(), address.get(), address.length) == 0 ? 0 : errno;
  if (error != 0 && error != EACCES) return reply(error);
  if (auto ending = put_in_place(request, socket.get(), inner.get(), Reason::kServer); ending) return *ending;
  if (error == EACCES) return pass();
  return reply(0);
}

Calls::Ending Calls::on_listen(const Request& request) {
  known_.fill({});  // one of them may listen elsewhere now
  UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return reply(EBADF);
  // No address is read that would be checked with it: it may have been another process's by now.
  if (!still_valid(listener_.fd, request.id)) return reply(ENOENT);
  const SocketKind kind = kind_of(socket.get());
  if (!kind.is_socket()) return reply(kind.error);
  if (!kind.is_inet()) return pass();
  const int backlog = static_cast<int>(request.arguments[1]);
  if (!is_hosts(kind)) {
    const int error = ::listen(socket.get(), backlog) == 0 ? 0 : errno;
    if (error == 0) Doors::listens(*listener_.pod, socket.get(), {kind.domain, backlog});
    return reply(error);
  }
  if (!is_idle(socket.get())) return reply(type_of(socket.get()) == SOCK_DGRAM ? EOPNOTSUPP : EINVAL);
  UniqueFd inner = pod_socket(socket.get(), kind.domain);
  if (!inner) return reply(errno);
  if (::listen(inner.get(), backlog) != 0) return reply(errno);
  Doors::listens(*listener_.pod, inner.get(), {kind.domain, backlog});
  if (auto ending = put_in_place(request, socket.get(), inner.get(), Reason::kServer); ending) return *ending;
  return reply(0);
}

// Where nothing can come from the host, it is the kernel's, and costs no more than the asking.
Calls::Ending Calls::on_accept(const Request& request) {
  // Our predecessor gave it one already.
  if (const std::uint32_t given = request.slot->given.load(); given != 0)
    return {Ending::Kind::kReply, 0, static_cast<int>(given) - 1};
  Pod& pod = *listener_.pod;
  if (pod.door_count.load(std::memory_order_relaxed) == 0) return pass();
  UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return pass();
  Known known;
  std::shared_ptr<Door> door = door_of(socket.get(), known);
  if (door == nullptr) return pass();
  tools_.accepting.take({request.slot, listener_.fd, listener_.keep, listener_.pod, std::move(door), std::move(socket),
                         known.domain, known.cookie, listener_.killable});
  return taken();
}

std::shared_ptr<Door> Calls::door_of(int socket, Known& known) {
  Pod& pod = *listener_.pod;
  socklen_t size = sizeof known.cookie;
  if (::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &known.cookie, &size) != 0) return nullptr;
  Known& place = known_[known.cookie % known_.size()];
  if (place.cookie != known.cookie) {
    const SocketKind kind = kind_of(socket);
    if (!kind.is_inet() || kind.network != pod.cookie.load(std::memory_order_relaxed)) return nullptr;
    known.domain = kind.domain;
    known.port = own_end(socket).value_or(Endpoint{}).port;
    place = known;
  }
  known = place;
  return Doors::find(pod, known.port);
}

// Options and ioctls that a host's socket would answer otherwise than one of the pod: so it becomes one of the pod
// first. The call itself is the kernel's: on a host's socket it can do nothing (EPERM), whoever wins the race for it.
Calls::Ending Calls::on_foreign(const Request& request, Reason reason) {
  const UniqueFd socket = copy_fd(pidfds_, request.thread, request.number());
  if (!socket) return reply(EBADF);
  const SocketKind kind = kind_of(socket.get());
  if (!kind.is_inet() || !is_hosts(kind)) return pass();
  if (!is_idle(socket.get())) {
    // Too late to change it. The interfaces that it knows are the host's, which are not the pod's business.
    if (reason == Reason::kInterfaces) return reply(ENODEV);
    return pass();
  }
  const UniqueFd inner = pod_socket(socket.get(), kind.domain);
  if (!inner) return reply(errno);
  if (auto ending = put_in_place(request, socket.get(), inner.get(), reason); ending) return *ending;
  return pass();
}

}  // namespace sublet::bypass
