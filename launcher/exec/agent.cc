// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/agent.h"

#include <netinet/in.h>

#include <cerrno>

#include "bypass/abi.h"
#include "bypass/calls.h"
#include "bypass/listener.h"
#include "launcher/exec/matter.h"

namespace sublet::launcher {
namespace {

int int_option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// What can be replaced by one of the cluster's: TCP that has not begun, and UDP.
std::optional<SocketKind> replaceable(int fd, int domain) {
  const int protocol = int_option(fd, SO_PROTOCOL);
  const bool v6 = domain == AF_INET6;
  // Only a socket of TCP has its state to tell; of the others a raw one has the same number.
  if (protocol == IPPROTO_TCP) {
    if (!bypass::is_idle(fd)) return std::nullopt;
    return v6 ? SocketKind::kTcp6 : SocketKind::kTcp4;
  }
  const int type = int_option(fd, SO_TYPE);
  if (type == SOCK_DGRAM && protocol == IPPROTO_UDP) return v6 ? SocketKind::kUdp6 : SocketKind::kUdp4;
  if (type != SOCK_STREAM || protocol != IPPROTO_MPTCP) return std::nullopt;
  return v6 ? SocketKind::kTcp6 : SocketKind::kTcp4;
}

}  // namespace

Agent::Agent(Parts parts) : parts_(std::move(parts)), network_(bypass::own_network()) {
  bypass::prefer_sync_wake_up(parts_.listener);
}

// Where receive() does not end with the last task (before Linux 6.11), whoever started us sees that end (server.cc).
void Agent::serve() {
  for (;;) {
    seccomp_notif notification{};
    if (const int error = bypass::receive(parts_.listener, notification); error != 0) {
      if ((error != ENOENT && error != EINTR) || bypass::is_over(parts_.listener)) return;
      continue;
    }
    const auto call = call_of(notification);
    const Ending ending = call ? decide(*call) : Ending{};
    // ENOENT in both: the thread is gone, or has a signal to take.
    if (ending.pass)
      (void)bypass::go_on(parts_.listener, notification.id);
    else
      (void)bypass::answer(parts_.listener, notification.id, 0, ending.error);
    // To end a socket takes time: only now, that nobody waits for it.
    replaced_.reset();
  }
}

std::optional<Agent::Call> Agent::call_of(const seccomp_notif& notification) {
  const seccomp_data& data = notification.data;
  Call call{notification.id, static_cast<pid_t>(notification.pid), static_cast<int>(data.args[0]), data.args[1],
            data.args[2] & 0xffffffffU};
  switch (bypass::call_of(data.arch, static_cast<std::uint32_t>(data.nr))) {
    case bypass::Call::kConnect: return call;
    case bypass::Call::kSendto:
      call.address = data.args[4];
      call.length = data.args[5] & 0xffffffffU;
      call.sends = true;
      return call;
    case bypass::Call::kSocketcall: {
      std::array<std::uint32_t, 4> words{};
      constexpr std::size_t kArguments = 3 * sizeof(std::uint32_t);
      if (!read(call, data.args[1] & 0xffffffffU, words.data(), kArguments)) return std::nullopt;
      const auto arguments = bypass::widen(words);
      call.number = static_cast<int>(arguments[0]);
      call.address = arguments[1];
      call.length = arguments[2];
      return call;
    }
    default: return std::nullopt;
  }
}

bool Agent::read(const Call& call, std::uint64_t from, void* to, std::size_t size) {
  const int error = bypass::read_memory(call.thread, from, to, size);
  if (error == EPERM) cannot_look(call);
  return error == 0;
}

UniqueFd Agent::copy(const Call& call) {
  UniqueFd fd = bypass::copy_fd(pidfds_, call.thread, call.number);
  if (!fd && errno == EPERM) cannot_look(call);
  return fd;
}

// A program that forbids it (prctl(2), PR_SET_DUMPABLE), or a host that does (Yama's ptrace_scope).
void Agent::cannot_look(const Call& call) {
  if (std::exchange(told_, true)) return;
  parts_.say(
      "process " + std::to_string(call.thread) +
      " may not be looked into (it forbids that, or kernel.yama.ptrace_scope does): it and others like it do not "
      "reach the cluster");
}

Agent::Ending Agent::decide(const Call& call) {
  bypass::RawAddress address;
  if (call.length < sizeof(sa_family_t) || call.length > sizeof address.storage) return {};
  if (!read(call, call.address, &address.storage, call.length)) return {};
  address.length = static_cast<socklen_t>(call.length);
  switch (matter_of(address, parts_.prefixes)) {
    case Matter::kElsewhere: return {};
    case Matter::kNameCache: return {false, ENOENT};
    case Matter::kNameServer: return on_name_server(call, address);
    case Matter::kCluster: return call.sends ? Ending{} : on_cluster(call);
  }
  return {};
}

// The socket is replaced, and then the kernel connects it as it would any other: waiting, signals, SO_SNDTIMEO and all.
Agent::Ending Agent::on_cluster(const Call& call) {
  UniqueFd old = copy(call);
  if (!old) return {};
  const bypass::SocketKind kind = bypass::kind_of(old.get());
  // One of the cluster's, by an earlier connect; or of a container's or another cluster's, which may have the same
  // addresses.
  if (!kind.is_inet() || kind.network != network_) return {};
  const auto wanted = replaceable(old.get(), kind.domain);
  if (!wanted) return {};
  const UniqueFd inner = parts_.store.take(*wanted);
  if (!inner) return {false, parts_.store.is_over() ? ENETUNREACH : ENOBUFS};
  return replace(call, std::move(old), inner, *wanted).value_or(Ending{});
}

// Nothing: it is done, or nobody waits any more.
std::optional<Agent::Ending> Agent::replace(const Call& call, UniqueFd old, const UniqueFd& by, SocketKind kind) {
  const bypass::OptionDefaults& defaults = kind == SocketKind::kTcp4   ? tcp4_
                                           : kind == SocketKind::kTcp6 ? tcp6_
                                           : kind == SocketKind::kUdp4 ? udp4_
                                                                       : udp6_;
  if (const int error = defaults.copy(old.get(), by.get()); error != 0) return Ending{false, error};
  const bypass::SwapTarget target{parts_.listener, call.id, call.thread, call.number};
  if (bypass::swap_fd(target, old.get(), by.get(), scan_, parts_.repair, pidfds_) == bypass::SwapResult::kFailed)
    return Ending{false, errno};
  replaced_ = std::move(old);
  return std::nullopt;
}

// A program that asks a name server on loopback by a connected socket keeps its socket, which we connect: to a stand-in
// of the same address and another port. All others ask in the nook, where the answer comes from whom they asked.
Agent::Ending Agent::on_name_server(const Call& call, const bypass::RawAddress& server) {
  UniqueFd socket = copy(call);
  if (!socket) return {};
  const bypass::SocketKind kind = bypass::kind_of(socket.get());
  if (!kind.is_inet() || kind.network != network_ || int_option(socket.get(), SO_TYPE) != SOCK_DGRAM) return {};
  if (call.sends) return into_nook(call, std::move(socket), kind.domain);
  const auto endpoint = bypass::endpoint_of(server);
  constexpr std::uint8_t kLoopback = 127;
  const bool on_loopback =
      endpoint->address.v6 ? endpoint->address == *parse_ip("::1") : endpoint->address.bytes[0] == kLoopback;
  if (!on_loopback && !parts_.nook.is_over()) return into_nook(call, std::move(socket), kind.domain);
  const auto stand_in = parts_.resolver.stand_in_for(server, kind.domain);
  // What we have copied may have been another process's by now.
  if (!stand_in || !bypass::still_valid(parts_.listener, call.id)) return {};
  if (::connect(socket.get(), stand_in->get(), stand_in->length) != 0) return {};
  bypass::RawAddress own;
  own.length = sizeof own.storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.length) != 0) return {};
  parts_.resolver.admit(own);
  return {false, 0};
}

// In the nook, the kernel does what the program wants.
Agent::Ending Agent::into_nook(const Call& call, UniqueFd old, int domain) {
  const SocketKind kind = domain == AF_INET6 ? SocketKind::kUdp6 : SocketKind::kUdp4;
  const UniqueFd inner = parts_.nook.take(kind);
  if (!inner) return {};  // the host's name server answers, without the cluster's names
  // musl binds its socket to any port before it sends.
  bypass::RawAddress bound;
  bound.length = sizeof bound.storage;
  if (::getsockname(old.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.length) == 0)
    if (const auto at = bypass::endpoint_of(bound); at && at->port != 0)
      (void)::bind(inner.get(), bound.get(), bound.length);
  return replace(call, std::move(old), inner, kind).value_or(Ending{});
}

}  // namespace sublet::launcher
