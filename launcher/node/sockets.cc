// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/sockets.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"

namespace sublet::launcher {
namespace {

// As many processes of a job may be under `sublet exec` of their own: MPI ranks on a large host.
constexpr std::size_t kMostAskers = 1024;

struct KindName {
  SocketKind kind;
  std::string_view name;
  int domain;
  int type;
};
constexpr std::array<KindName, kSocketKinds> kNames{{
    {SocketKind::kTcp4, "tcp4", AF_INET, SOCK_STREAM},
    {SocketKind::kTcp6, "tcp6", AF_INET6, SOCK_STREAM},
    {SocketKind::kUdp4, "udp4", AF_INET, SOCK_DGRAM},
    {SocketKind::kUdp6, "udp6", AF_INET6, SOCK_DGRAM},
}};

const KindName& name_of(SocketKind kind) {
  return *std::find_if(kNames.begin(), kNames.end(), [&](const KindName& each) { return each.kind == kind; });
}

}  // namespace

std::string to_text(const SocketWish& wish) {
  return std::string(name_of(wish.kind).name) + " " + std::to_string(wish.count);
}

std::optional<SocketWish> wish_from_text(std::string_view text) {
  const std::vector<std::string> parts = split(text, ' ');
  if (parts.size() != 2) return std::nullopt;
  const auto count = parse_int<unsigned>(parts[1]);
  const auto* kind =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& each) { return each.name == parts[0]; });
  if (!count || *count == 0 || *count > kMostSockets || kind == kNames.end()) return std::nullopt;
  return SocketWish{kind->kind, *count};
}

Result<void> give_sockets(int channel, const SocketWish& wish) {
  const KindName& kind = name_of(wish.kind);
  std::vector<UniqueFd> sockets;
  std::vector<int> fds;
  for (unsigned i = 0; i < wish.count; ++i) {
    auto socket = sys::socket(kind.domain, kind.type | SOCK_NONBLOCK);
    if (!socket) break;
    fds.push_back(socket->get());
    sockets.push_back(std::move(*socket));
  }
  auto sent = send_message(channel, "sockets", fds);
  // The kernel counts the descriptors that a user has under way (unix_attach_fds(), net/unix/scm.c): for now, none.
  if (!sent && sent.error().is(ETOOMANYREFS)) return send_message(channel, "sockets");
  return sent;
}

Result<std::vector<UniqueFd>> ask_for_sockets(int channel, const SocketWish& wish) {
  TRY_WHILE("asking for sockets", send_message(channel, to_text(wish)));
  Message message = TRY_WHILE("waiting for sockets", receive_message(channel));
  if (message.end) return fail_errno("waiting for sockets", EPIPE);
  if (message.fds.empty()) return fail("no socket was given");
  return std::move(message.fds);
}

Result<void> SocketGiver::add(UniqueFd channel) {
  if (askers_.size() >= kMostAskers) return fail("more than " + std::to_string(kMostAskers) + " ask for sockets");
  // Whoever doesn't read what he asked for must not hold us up.
  TRY(sys::set_nonblocking(channel.get(), true));
  auto asker = std::make_unique<Asker>();
  asker->channel = std::move(channel);
  asker->watch =
      TRY(loop_.on_fd(asker->channel.get(), EPOLLIN, [this, raw = asker.get()](std::uint32_t) { answer(raw); }));
  askers_.push_back(std::move(asker));
  return {};
}

void SocketGiver::answer(Asker* asker) {
  auto message = receive_message(asker->channel.get());
  if (!message && message.error().is(EAGAIN)) return;
  const auto wish = message && !message->end ? wish_from_text(message->text) : std::nullopt;
  if (wish && give_sockets(asker->channel.get(), *wish)) return;
  std::erase_if(askers_, [&](const auto& each) { return each.get() == asker; });
}

}  // namespace sublet::launcher
