// SPDX-License-Identifier: Apache-2.0
// Not in listener.cc, which the OCI wrapper is made of: it needs threads.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/listener.h"

namespace sublet::bypass {

bool receive_ends() {
  auto channel = sys::socketpair(SOCK_SEQPACKET);
  if (!channel) return false;
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    const sock_filter allow_all[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    auto installed = install({std::begin(allow_all), std::end(allow_all)});
    if (installed) (void)send_message(channel->second.get(), "", {installed->listener.get()});
    ::_exit(0);
  }
  channel->second.reset();
  auto message = receive_message(channel->first.get());
  (void)::waitpid(child, nullptr, 0);
  if (!message || message->fds.size() != 1) return false;
  // Shared with the thread, which may outlive this call.
  auto ended = std::make_shared<std::promise<void>>();
  std::thread([ended, listener = std::move(message->fds[0])] {
    seccomp_notif none{};
    (void)receive(listener.get(), none);
    ended->set_value();
  }).detach();
  constexpr std::chrono::milliseconds kPatience{100};
  return ended->get_future().wait_for(kPatience) == std::future_status::ready;
}

}  // namespace sublet::bypass
