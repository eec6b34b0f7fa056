// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "base/sys.h"

namespace sublet {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail("socket path " + path + " is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Result<void> send_message(int socket, std::string_view text, const std::vector<int>& fds) {
  CHECK(text.size() <= kMaxMessageBytes && fds.size() <= kMaxMessageFds);
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxMessageFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t count;
  do count = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail_errno("sendmsg");
  return {};
}

Result<Message> receive_message(int socket) {
  Message message;
  message.text.resize(kMaxMessageBytes);
  iovec part{message.text.data(), message.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxMessageFds)> control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t count;
  do count = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail_errno("recvmsg");
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    std::size_t received = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < received; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      message.fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail("recvmsg: the message was cut off");
  message.text.resize(static_cast<std::size_t>(count));
  message.end = count == 0 && message.fds.empty();
  return message;
}

bool is_own_peer(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::getuid();
}

Result<UniqueFd> listen_unix(const std::string& path, int type) {
  sockaddr_un address = TRY(address_of(path));
  UniqueFd fd = TRY(sys::socket(AF_UNIX, type));
  // The mode that bind(2) gives the file: 0777 less umask less what fchmod on the unbound socket took away.
  if (::fchmod(fd.get(), 0600) != 0) return fail_errno("chmod " + path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("bind " + path);
  constexpr int kBacklog = 128;
  if (::listen(fd.get(), kBacklog) != 0) return fail_errno("listen " + path);
  return fd;
}

Result<UniqueFd> connect_unix(const std::string& path, int type) {
  sockaddr_un address = TRY(address_of(path));
  UniqueFd fd = TRY(sys::socket(AF_UNIX, type));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect " + path);
  return fd;
}

}  // namespace sublet
