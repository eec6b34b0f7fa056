// SPDX-License-Identifier: Apache-2.0
#include "bypass/keeper.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/isolation.h"
#include "bypass/slots.h"

namespace sublet::bypass {

Result<std::unique_ptr<Keeper>> Keeper::create(EventLoop& loop, const std::string& path) {
  std::unique_ptr<Keeper> keeper(new Keeper(loop));
  keeper->memory_ = TRY(Slots::create_memory());
  keeper->socket_ = TRY(listen_unix(path, SOCK_SEQPACKET | SOCK_NONBLOCK));
  keeper->socket_watch_ =
      TRY(loop.on_fd(keeper->socket_.get(), EPOLLIN, [k = keeper.get()](std::uint32_t) { k->take_one(); }));
  return keeper;
}

void Keeper::connect(UniqueFd broker) {
  broker_watch_.reset();
  broker_ = std::move(broker);
  told_ = 0;
  known_ = last_;
  said_known_ = false;
  isolation_told_ = isolation_.empty();
  if (!sys::set_nonblocking(broker_.get(), true) || !send_message(broker_.get(), "memory", {memory_.get()}))
    return broker_.reset();  // it is dead already; the launcher sends another one
  tell();
}

// A wrapper waits on the other side: it has sent when it is connected, so this never waits for long.
void Keeper::take_one() {
  const UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection || !is_own_peer(connection.get())) return;
  constexpr timeval kPatience{2, 0};
  (void)::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  const auto kept = take(connection.get());
  if (!kept) log::warning("a container's listener: {}", kept.error().what);
  (void)send_message(connection.get(), kept ? "ok" : kept.error().what);
  if (kept) tell();
}

Result<void> Keeper::take(int connection) {
  Message message = TRY(receive_message(connection));
  if (message.end) return fail("the wrapper has closed the connection");
  if (!message.text.starts_with(kIsolationMessage)) return keep(std::move(message));
  const auto checked = isolation_from_json(std::string_view(message.text).substr(kIsolationMessage.size()));
  if (!checked) return tl::unexpected(checked.error());
  isolation_ = std::move(message.text);
  isolation_told_ = false;
  return {};
}

Result<void> Keeper::keep(Message message) {
  if (message.fds.size() != 2) return fail("not two descriptors");
  Record record = TRY(record_from_json(message.text));
  const std::uint32_t number = ++last_;
  kept_.emplace(number, Kept{{number, std::move(record)}, std::move(message.fds[0]), std::move(message.fds[1])});
  return {};
}

void Keeper::on_broker(std::uint32_t events) {
  if ((events & EPOLLIN) == 0) {
    if ((events & EPOLLOUT) != 0) return tell();
    return watch(false);
  }
  auto message = receive_message(broker_.get());
  if (!message || message->end) {
    broker_watch_.reset();
    return broker_.reset();
  }
  constexpr std::string_view kGone = "gone ";
  if (!message->text.starts_with(kGone)) return;
  if (auto number = parse_int<std::uint32_t>(std::string_view(message->text).substr(kGone.size())))
    kept_.erase(*number);
}

void Keeper::watch(bool writable) {
  broker_watch_.reset();  // a descriptor is watched once at a time (EEXIST of epoll_ctl(2))
  auto watch = loop_.on_fd(broker_.get(), EPOLLIN | (writable ? EPOLLOUT : 0U),
                           [this](std::uint32_t events) { on_broker(events); });
  if (watch) broker_watch_ = std::move(*watch);
}

// Tells what is not told yet, as far as the socket takes it; the rest follows when it takes more.
void Keeper::tell() {
  if (!broker_) return;
  bool full = false;
  if (!isolation_told_) {
    isolation_told_ = send_message(broker_.get(), isolation_).has_value();
    full = !isolation_told_;
  }
  for (auto next = kept_.upper_bound(told_); next != kept_.end() && !full; ++next) {
    if (next->first > known_ && !said_known_) break;
    full = !send_message(broker_.get(), to_json(next->second.announcement),
                         {next->second.listener.get(), next->second.network.get()});
    if (!full) told_ = next->first;
  }
  if (!full && !said_known_) {
    said_known_ = send_message(broker_.get(), "known").has_value();
    full = !said_known_;
    if (said_known_ && last_ > known_) return tell();
  }
  watch(full);
}

}  // namespace sublet::bypass
