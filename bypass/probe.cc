// SPDX-License-Identifier: Apache-2.0
#include "bypass/probe.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/filter.h"
#include "bypass/listener.h"
#include "bypass/socket_kind.h"
#include "bypass/target.h"

namespace sublet::bypass {
namespace {

enum class Rights : std::uint8_t { kAdmin, kNone };

// The watched child: 0 if its socket call was answered.
int be_watched(int channel, const void* memory, Rights rights) {
  if (rights == Rights::kNone) (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  auto installed = install(notify_filter());
  if (!installed) {
    (void)send_message(channel, installed.error().what);
    return 1;
  }
  if (!send_message(channel, "listener", {installed->listener.get()})) return 1;
  installed->listener.reset();
  // The address is passed along only for the probe to read the memory there.
  return static_cast<int>(::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0, memory)) < 0 ? 1 : 0;
}

Result<void> serve_one(int listener, pid_t child, const char* memory, std::string_view expected) {
  if (!await(listener)) return fail("the watched child has ended");
  seccomp_notif call{};
  if (const int error = receive(listener, call); error != 0) return fail_errno("SECCOMP_IOCTL_NOTIF_RECV", error);
  if (!still_valid(listener, call.id)) return fail("SECCOMP_IOCTL_NOTIF_ID_VALID does not hold");
  std::array<char, 16> seen{};
  if (const int error = read_memory(child, reinterpret_cast<std::uint64_t>(memory), seen.data(), expected.size());
      error != 0)
    return fail_errno("process_vm_readv", error);
  if (std::string_view(seen.data(), expected.size()) != expected) return fail("process_vm_readv gave something else");
  Pidfds pidfds;
  if (!copy_fd(pidfds, child, STDERR_FILENO)) return fail_errno("pidfd_getfd");
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  const int number = add_fd(listener, call.id, socket.get(), true);
  if (number < 0) return fail_errno("SECCOMP_IOCTL_NOTIF_ADDFD", -number);
  if (const int error = answer(listener, call.id, number, 0); error != 0)
    return fail_errno("SECCOMP_IOCTL_NOTIF_SEND", error);
  return {};
}

Result<void> try_with(Rights rights) {
  if (own_network() == 0) return fail("SO_NETNS_COOKIE is not known to this kernel (Linux 5.14)");
  static constexpr char kMemory[] = "sublet";
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) ::_exit(be_watched(theirs.get(), kMemory, rights));
  theirs.reset();
  auto served = [&, channel = ours.get()]() -> Result<void> {
    const Message message = TRY(receive_message(channel));
    if (message.fds.size() != 1) return fail(message.end ? "the watched child has ended" : message.text);
    return serve_one(message.fds[0].get(), child, kMemory, kMemory);
  }();
  // Without an answer it would wait for ever.
  if (!served) (void)::kill(child, SIGKILL);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  if (served && status != 0) return fail("the watched child's call failed");
  return served;
}

}  // namespace

Result<void> try_bypass() { return try_with(Rights::kAdmin); }

Result<void> try_watching() {
  auto tried = try_with(Rights::kNone);
  // What its child could not install because of its own filter, `sublet exec` can do without.
  if (!tried && tried.error().what.find(std::strerror(EBUSY)) != std::string::npos) return {};
  return tried;
}

}  // namespace sublet::bypass
