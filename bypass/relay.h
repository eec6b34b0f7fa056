// SPDX-License-Identifier: Apache-2.0
// Carries bytes between two connections, both ways, without looking at them: splice(2) through pipes, so that they do
// not come through our memory. One thread for all. Each side's end of file, reset and slowness is the other's. An idle
// pair holds its two sockets and no pipe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::bypass {

class Relay {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Relay>> start();
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Takes over two connected TCP sockets. `ended` is called once, in the relay's thread, when both are closed.
  void add(UniqueFd one, UniqueFd other, std::function<void()> ended);

 private:
  struct Pipe {
    UniqueFd read;
    UniqueFd write;
  };
  struct Way {
    int from = -1;
    int to = -1;
    std::optional<Pipe> pipe;  // there only while something is in it
    std::size_t held = 0;
    bool ended = false;  // the sender has
    bool told = false;   // and the receiver was told
  };
  struct Pair {
    std::uint64_t number = 0;
    std::array<UniqueFd, 2> sockets;
    std::array<Way, 2> ways;
    std::function<void()> ended;
    bool queued = false;  // has more to do than one turn
  };
  enum class Turn : std::uint8_t { kWaits, kMore, kBroken };

  Relay() = default;
  void work();
  void take_added();
  void serve(Pair& pair);
  [[nodiscard]] Turn carry(Way& way);
  [[nodiscard]] int fill(Way& way);
  [[nodiscard]] int drain(Way& way);
  [[nodiscard]] bool get_pipe(Way& way);
  void put_pipe(Way& way);
  void remove(std::uint64_t number, bool reset);

  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Pair>> added_;
  bool stopping_ = false;
  // Of the thread alone.
  std::unordered_map<std::uint64_t, std::unique_ptr<Pair>> pairs_;
  std::vector<std::uint64_t> queue_;
  std::vector<Pipe> spare_;
  std::uint64_t last_ = 0;
  std::thread thread_;
};

/// Ends a connection with a reset, as a refused one ends that was accepted already.
void reset_connection(UniqueFd connection);

}  // namespace sublet::bypass
