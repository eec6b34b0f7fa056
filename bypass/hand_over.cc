// SPDX-License-Identifier: Apache-2.0
#include "bypass/hand_over.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/unix_socket.h"

namespace sublet::bypass {

Result<UniqueFd> reach_keeper(const std::string& path) {
  return TRY_WHILE("reaching the bypass's keeper", connect_unix(path, SOCK_SEQPACKET));
}

Result<void> hand_over(int connection, const Record& record, int listener, int network) {
  constexpr const char* kDoing = "handing the listener to the bypass's keeper";
  TRY_WHILE(kDoing, send_message(connection, to_json(record), {listener, network}));
  constexpr int kPatienceMs = 10'000;
  pollfd poll{connection, POLLIN, 0};
  if (::poll(&poll, 1, kPatienceMs) != 1) return fail(std::string(kDoing) + ": no answer");
  const Message message = TRY_WHILE(kDoing, receive_message(connection));
  if (message.end) return fail(std::string(kDoing) + ": it closed the connection");
  if (message.text != "ok") return fail(std::string(kDoing) + ": " + message.text);
  return {};
}

}  // namespace sublet::bypass
