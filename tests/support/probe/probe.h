// SPDX-License-Identifier: Apache-2.0
// bypass_probe: what programs do with TCP, run in a pod (see pod_up.cc) of tests/support/bypass_world.h. A behaviour
// returns what it saw as a text, which has to be the same with and without the bypass.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/probe/address.h"

namespace sublet::probe {

// The world outside; tests/support/bypass_world.cc makes it.
inline constexpr const char* kServer = "192.0.2.2";
inline constexpr const char* kServer6 = "2001:db8::2";
inline constexpr const char* kDenied = "192.0.2.130";    // the same server, under an address of the deny list
inline constexpr const char* kBlackhole = "192.0.2.66";  // takes packets, never answers
inline constexpr const char* kNobody = "192.0.2.77";     // nobody has this address
inline constexpr const char* kPod = "10.0.2.100";        // ours
inline constexpr const char* kHost = "192.0.2.1";        // the one that we run on
inline constexpr const char* kHost6 = "2001:db8::1";
inline constexpr std::uint16_t kEcho = 7000;
inline constexpr std::uint16_t kClosed = 7001;
inline constexpr std::uint16_t kDials = 7002;  // of the server and of the host: clients on demand, dialler.h
// Ports with a door: the host's is the pod's and a thousand.
inline constexpr std::uint16_t kFirstDoor = 8000;
inline constexpr std::uint16_t kDoors = 48;
inline constexpr std::uint16_t kCanary = 7777;  // on the host's loopback

struct Behaviour {
  const char* name;
  std::string (*run)();
  const char* expected;
};
std::span<const Behaviour> connect_behaviours();
std::span<const Behaviour> signal_behaviours();
std::span<const Behaviour> epoll_behaviours();
std::span<const Behaviour> socket_behaviours();
std::span<const Behaviour> process_behaviours();
std::span<const Behaviour> garbage_behaviours();
std::span<const Behaviour> datagram_behaviours();
std::span<const Behaviour> door_behaviours();
std::span<const Behaviour> door_fault_behaviours();
std::span<const Behaviour> attacks();
std::span<const Behaviour> door_attacks();

// Modes of their own, by name; the arguments follow.
int kill_broker(const std::string& pid_file);
int kill_broker_at_door(const std::string& pid_file);
int serve_inherited();
int flood();
int latency();
int flip_address(int tries);
int flip_descriptor(int tries);
int flip_family(int tries);
int once();
int count_notifications(const std::string& pid_file);

/// A TCP socket; `flags`: SOCK_NONBLOCK, SOCK_CLOEXEC.
UniqueFd tcp(int domain = AF_INET, int flags = 0);
/// "ok", or the errno's name.
std::string name_of(int result);
std::string dial(int fd, const Address& to);
/// Sends a word and reads it back: "echo", or what was wrong.
std::string echo(int fd);
/// Both, as "ok echo".
std::string dial_and_echo(int fd, const Address& to);
/// Waits for a non-blocking connect and gives SO_ERROR's name, "ok", or "late".
std::string outcome(int fd, int timeout_ms = 4000);
/// getsockname(2) as "ADDRESS"; "?" if there is none.
std::string own_address(int fd);
std::string peer_address(int fd);
std::uint16_t own_port(int fd);

/// Echoes for one connection after the other, on an address inside of the pod and a port of the kernel's choice. Made
/// with calls that the bypass sees like anybody's.
class InnerServer {
 public:
  explicit InnerServer(const char* address = "127.0.0.1");
  ~InnerServer();
  InnerServer(const InnerServer&) = delete;
  InnerServer& operator=(const InnerServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  pid_t child_ = -1;
};

class Stopwatch {
 public:
  [[nodiscard]] int ms() const {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_).count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void nap(int ms);
/// Runs `body` in a child and gives its text; "late" after `timeout_ms` (it is killed then), "signal N" if it died.
template <typename Body>
std::string in_child(Body body, int timeout_ms = 8000);
std::string in_child_of(std::string (*run)(void*), void* context, int timeout_ms);

template <typename Body>
std::string in_child(Body body, int timeout_ms) {
  return in_child_of([](void* context) { return (*static_cast<Body*>(context))(); }, &body, timeout_ms);
}

}  // namespace sublet::probe
