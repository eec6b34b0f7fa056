// SPDX-License-Identifier: Apache-2.0
// A host and a guest of our own, for tests of the tap: two network namespaces in two user namespaces, one inside the
// other, made and used by an unprivileged user. The «host» has loopback and an uplink (a dummy link) of its own, so
// that what reaches the one and the other can be told apart. Nothing leaves them.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "netns/tap_driver.h"

namespace sublet::test {

inline constexpr const char* kUplinkV4 = "192.0.2.1";    // RFC 5737
inline constexpr const char* kUplinkV6 = "2001:db8::1";  // RFC 3849

/// A child that this process ends.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child();
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// SIGKILL, and reaps.
  void kill();
  /// Waits for its own end: the exit status, or 128 + signal.
  int wait();

 private:
  pid_t pid_;
};

/// The namespaces of a process that sleeps in them.
class Namespaces {
 public:
  /// New user and network namespaces, the child's uid 0 being us; `from` in those of another.
  static Result<Namespaces> create(const Namespaces* from = nullptr);
  /// Runs `body` in a child inside, and gives what it returned. An error, or more than `timeout_ms`, is an error.
  [[nodiscard]] Result<std::string> run(const std::function<Result<std::string>()>& body, int timeout_ms = 20000) const;
  /// Starts `body` in a child inside; its return value is the exit status.
  [[nodiscard]] Result<Child> start(const std::function<int()>& body) const;
  Result<void> enter() const;

 private:
  Namespaces(Child holder, UniqueFd user, UniqueFd net)
      : holder_(std::move(holder)), user_(std::move(user)), net_(std::move(net)) {}
  Child holder_;
  UniqueFd user_;
  UniqueFd net_;
};

/// The host, the guest, and a driver between them.
class TapWorld {
 public:
  struct Options {
    std::uint32_t mtu = netns::kMaxTapMtu;
    bool ipv6 = true;
    std::string resolv_conf = "nameserver 127.0.0.53\n";
    std::string driver;  // the program whose "tap-driver" verb it is
  };
  static Result<TapWorld> create(const Options& options);

  Namespaces host;
  Namespaces guest;
  netns::TapOrders orders;
  std::unique_ptr<Child> launcher;  // the driver's parent
  pid_t driver_pid = 0;
  UniqueFd life;  // closing it ends the driver

 private:
  TapWorld(Namespaces h, Namespaces g) : host(std::move(h)), guest(std::move(g)) {}
};

/// Why a tap cannot be made here; empty if it can.
[[nodiscard]] std::string why_no_tap();

}  // namespace sublet::test
