// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/node_process.h"

#include <fcntl.h>
#include <sched.h>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "launcher/node/sockets.h"

namespace sublet::launcher {

Result<UniqueFd> InnerSockets::get() {
  std::lock_guard lock(mutex_);
  if (spare_.empty()) {
    constexpr SocketWish kWish{SocketKind::kTcp4, 8};
    spare_ = TRY_WHILE("node-init", ask_for_sockets(channel_.get(), kWish));
  }
  UniqueFd socket = std::move(spare_.back());
  spare_.pop_back();
  return socket;
}

Result<NodeProcess> NodeProcess::start(const NodeStart& start) {
  UniqueFd orders = TRY(sys::sealed_memfd("sublet-orders", to_text(start.orders)));
  auto [control, node_control] = TRY(sys::socketpair(SOCK_SEQPACKET));
  auto [sockets, node_sockets] = TRY(sys::socketpair(SOCK_SEQPACKET));
  constexpr mode_t kLogMode = 0600;
  UniqueFd log = TRY(sys::open(start.log_path, O_WRONLY | O_CREAT | O_APPEND, kLogMode));
  UniqueFd null = TRY(sys::open("/dev/null", O_RDONLY));
  Command command;
  command.path = TRY(own_executable());
  command.argv = {"sublet", "node-init"};
  command.fds = {{null.get(), 0},
                 {log.get(), 1},
                 {log.get(), 2},
                 {orders.get(), kOrdersFd},
                 {node_control.get(), kControlFd},
                 {node_sockets.get(), kSocketsFd},
                 {start.lock_fd, kLockFd}};
  command.namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  // The root of a cgroup namespace is the cgroup of whoever makes it, at that time: one of its own is entered first.
  if (!start.orders.cgroup) command.namespaces |= CLONE_NEWCGROUP;
  command.when_created = start.when_created;
  command.become_root = true;
  // A terminal's ^C is for the launcher, which ends the node in order.
  command.new_session = true;
  Process process = TRY_WHILE("starting node-init", command.spawn());
  return NodeProcess(std::move(process), std::move(control), std::move(sockets));
}

Result<NodeProcess::Received> NodeProcess::receive() const {
  Message message = TRY(receive_message(control_.get()));
  if (message.end) return fail("node-init has ended");
  Received received{TRY(report_from_text(message.text)), {}};
  if (!message.fds.empty()) received.tap = std::move(message.fds.front());
  return received;
}

Result<void> NodeProcess::send(const NodeRequest& request, const std::vector<int>& fds) const {
  return send_message(control_.get(), to_text(request), fds);
}

}  // namespace sublet::launcher
