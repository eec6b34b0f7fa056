// SPDX-License-Identifier: Apache-2.0
// How other sublet commands of the same user talk to a running cluster's launcher: a socket in the state directory
// (0700, 0600; the peer's uid is checked as well), one request and one answer per connection.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

/// What a request begins with that is an ExposeRequest (launcher/services/expose.h).
inline constexpr std::string_view kPortsRequest = "ports ";
inline constexpr const char* kControlSocket = "sock/control.sock";
inline constexpr const char* kBrokerSocket = "sock/broker.sock";  // the same, answered by the bypass's broker

class ControlServer {
 public:
  struct Reply {
    std::string text;
    std::vector<UniqueFd> fds;  // that go along
  };
  /// Sends the answer to whoever asked, if he still listens. May be kept, and be called later, in the loop.
  using Answer = std::function<void(const Reply& reply)>;
  /// Calls `answer` once, now or later. A request that isn't known gets one too.
  using Handler = std::function<void(const std::string& request, const Answer& answer)>;
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> create(EventLoop& loop, const std::string& path,
                                                                     Handler handler);

 private:
  struct Connection {
    UniqueFd fd;
    EventLoop::Watch watch;
  };
  ControlServer(EventLoop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {}
  void accept_one();
  void answer(Connection* connection);

  EventLoop& loop_;
  Handler handler_;
  UniqueFd listener_;
  EventLoop::Watch watch_;
  // A peer that asked keeps its connection until it closes: its end tells it that the launcher has ended.
  std::vector<std::shared_ptr<Connection>> connections_;
};

/// Asks the launcher at `path`.
struct Asked {
  std::string answer;
  std::vector<UniqueFd> fds;
  UniqueFd connection;  // end of file when the launcher has ended
};
[[nodiscard]] Result<Asked> ask(const std::string& path, const std::string& request);

}  // namespace sublet::launcher
