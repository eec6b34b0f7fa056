// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/unix_socket.h"

namespace sublet::launcher {

Result<std::unique_ptr<ControlServer>> ControlServer::create(EventLoop& loop, const std::string& path,
                                                             Handler handler) {
  std::unique_ptr<ControlServer> server(new ControlServer(loop, std::move(handler)));
  server->listener_ = TRY(listen_unix(path, SOCK_SEQPACKET | SOCK_NONBLOCK));
  server->watch_ =
      TRY(loop.on_fd(server->listener_.get(), EPOLLIN, [s = server.get()](std::uint32_t) { s->accept_one(); }));
  return server;
}

void ControlServer::accept_one() {
  UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || !is_own_peer(fd.get())) return;
  constexpr std::size_t kMaxConnections = 64;
  if (connections_.size() >= kMaxConnections) return;
  auto connection = std::make_shared<Connection>();
  connection->fd = std::move(fd);
  auto watch =
      loop_.on_fd(connection->fd.get(), EPOLLIN, [this, raw = connection.get()](std::uint32_t) { answer(raw); });
  if (!watch) return;
  connection->watch = std::move(*watch);
  connections_.push_back(std::move(connection));
}

void ControlServer::answer(Connection* connection) {
  auto message = receive_message(connection->fd.get());
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& each) { return each.get() == connection; });
  if (!message || message->end) {
    connections_.erase(found);
    return;
  }
  // Who does not take his answer, or has gone, will be noticed by his end.
  handler_(message->text, [asked = std::weak_ptr<Connection>(*found)](const Reply& reply) {
    const auto still = asked.lock();
    if (still == nullptr) return;
    std::vector<int> fds;
    for (const UniqueFd& fd : reply.fds) fds.push_back(fd.get());
    (void)send_message(still->fd.get(), reply.text, fds);
  });
}

Result<Asked> ask(const std::string& path, const std::string& request) {
  UniqueFd connection = TRY(connect_unix(path, SOCK_SEQPACKET));
  TRY(send_message(connection.get(), request));
  Message message = TRY(receive_message(connection.get()));
  if (message.end) return fail("the launcher has closed the connection");
  return Asked{std::move(message.text), std::move(message.fds), std::move(connection)};
}

}  // namespace sublet::launcher
