// SPDX-License-Identifier: Apache-2.0
// Messages and descriptors over AF_UNIX sockets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet {

/// One message of a SOCK_SEQPACKET socket, with the descriptors that came along (SCM_RIGHTS, CLOEXEC).
struct Message {
  std::string text;
  std::vector<UniqueFd> fds;
  bool end = false;  // the peer has closed
};

inline constexpr std::size_t kMaxMessageBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxMessageFds = 64;

/// Sends one message; does not block longer than the socket does. No SIGPIPE.
Result<void> send_message(int socket, std::string_view text, const std::vector<int>& fds = {});
/// Receives one message. A truncated one (text or descriptors) is an error. EAGAIN is passed on as an error with its
/// code.
[[nodiscard]] Result<Message> receive_message(int socket);

/// Is the process that made this connection one of our own uid's (SO_PEERCRED, unix(7))? False also if nobody can tell.
[[nodiscard]] bool is_own_peer(int connection);

/// Listens at `path` (mode 0600), which must be shorter than 108 bytes (sockaddr_un) and must not exist.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path, int type);
[[nodiscard]] Result<UniqueFd> connect_unix(const std::string& path, int type);

}  // namespace sublet
