// SPDX-License-Identifier: Apache-2.0
#include "netns/slirp.h"

#include <slirp/libslirp.h>
#include <sys/epoll.h>
#include <time.h>

#include <cstring>

#include "base/log.h"

namespace sublet::netns {
namespace {

constexpr unsigned kMaxGuestErrors = 10;  // then silence: a guest must not be able to fill the log

in_addr v4_of(const IpAddress& address) {
  in_addr result{};
  std::memcpy(&result, address.bytes.data(), sizeof result);
  return result;
}

in6_addr v6_of(const IpAddress& address) {
  in6_addr result{};
  std::memcpy(&result, address.bytes.data(), sizeof result);
  return result;
}

in_addr netmask(unsigned length) { return in_addr{htonl(length == 0 ? 0 : ~std::uint32_t{0} << (32 - length))}; }

std::uint32_t to_epoll(int slirp_events) {
  std::uint32_t events = 0;
  if ((slirp_events & SLIRP_POLL_IN) != 0) events |= EPOLLIN;
  if ((slirp_events & SLIRP_POLL_OUT) != 0) events |= EPOLLOUT;
  if ((slirp_events & SLIRP_POLL_PRI) != 0) events |= EPOLLPRI;
  return events;  // EPOLLERR and EPOLLHUP always are
}

int from_epoll(std::uint32_t events) {
  int result = 0;
  if ((events & EPOLLIN) != 0) result |= SLIRP_POLL_IN;
  if ((events & EPOLLOUT) != 0) result |= SLIRP_POLL_OUT;
  if ((events & EPOLLPRI) != 0) result |= SLIRP_POLL_PRI;
  if ((events & EPOLLERR) != 0) result |= SLIRP_POLL_ERR;
  if ((events & EPOLLHUP) != 0) result |= SLIRP_POLL_HUP;
  return result;
}

}  // namespace

// libslirp's callbacks: C functions with the object as their last argument.
struct SlirpCallbacks {
  static SlirpStack& self(void* opaque) { return *static_cast<SlirpStack*>(opaque); }

  static ssize_t send_packet(const void* data, size_t size, void* opaque) {
    self(opaque).hooks_.send_frame({static_cast<const std::uint8_t*>(data), size});
    return static_cast<ssize_t>(size);  // a lost frame is TCP's to repair; an error here is a line in the log for each
  }
  static void guest_error(const char* message, void* opaque) {
    if (++self(opaque).guest_errors_ <= kMaxGuestErrors) log::debug("libslirp: {}", message);
  }
  static std::int64_t clock_get_ns(void*) {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
  // The only timer sends router advertisements. The guest is set up by hand, and a second default route and address
  // that come and go would only disturb it.
  static void* timer_new(SlirpTimerId, void*, void* opaque) { return opaque; }
  static void timer_free(void*, void*) {}
  static void timer_mod(void*, std::int64_t, void*) {}
  static void register_poll_fd(int, void*) {}
  static void unregister_poll_fd(int fd, void* opaque) { self(opaque).hooks_.forget_fd(fd); }
  // Asks for another round of the loop: it has one after each input anyway.
  static void notify(void*) {}

  static constexpr SlirpCb kTable = {
      .send_packet = send_packet,
      .guest_error = guest_error,
      .clock_get_ns = clock_get_ns,
      .timer_new = nullptr,
      .timer_free = timer_free,
      .timer_mod = timer_mod,
      .register_poll_fd = register_poll_fd,
      .unregister_poll_fd = unregister_poll_fd,
      .notify = notify,
      .init_completed = nullptr,
      .timer_new_opaque = timer_new,
  };
};

Result<std::unique_ptr<SlirpStack>> SlirpStack::create(const TapOrders& orders, SlirpHooks hooks) {
  TRY(check(orders));
  std::unique_ptr<SlirpStack> stack(new SlirpStack(std::move(hooks)));
  SlirpConfig config{};
  config.version = 4;
  config.in_enabled = true;
  config.vnetwork = v4_of(orders.v4.prefix.address);
  config.vnetmask = netmask(orders.v4.prefix.length);
  config.vhost = v4_of(orders.v4.gateway);
  config.vnameserver = v4_of(orders.v4.dns);
  config.vdhcp_start = v4_of(orders.v4.guest);
  config.in6_enabled = orders.v6.has_value();
  if (orders.v6) {
    config.vprefix_addr6 = v6_of(orders.v6->prefix.address);
    config.vprefix_len = static_cast<std::uint8_t>(orders.v6->prefix.length);
    config.vhost6 = v6_of(orders.v6->gateway);
    config.vnameserver6 = v6_of(orders.v6->dns);
  }
  config.if_mtu = kMaxTapMtu;
  config.if_mru = kMaxTapMtu;
  config.disable_host_loopback = true;
  config.disable_dhcp = true;
  stack->slirp_ = ::slirp_new(&config, &SlirpCallbacks::kTable, stack.get());
  if (stack->slirp_ == nullptr) return fail("libslirp refused its configuration");
  return stack;
}

SlirpStack::~SlirpStack() {
  if (slirp_ != nullptr) ::slirp_cleanup(slirp_);
}

void SlirpStack::tick() {
  // "An error in poll": the sockets are left alone.
  ::slirp_pollfds_poll(
      slirp_, 1, [](int, void*) { return 0; }, nullptr);
}

void SlirpStack::input(std::span<const std::uint8_t> frame) {
  ::slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
}

int SlirpStack::want(const std::function<void(int, std::uint32_t)>& want_fd) {
  auto add = [](int fd, int events, void* opaque) {
    (*static_cast<const std::function<void(int, std::uint32_t)>*>(opaque))(fd, to_epoll(events));
    return fd;  // the index that process() asks for
  };
  std::uint32_t timeout_ms = UINT32_MAX;
  ::slirp_pollfds_fill(slirp_, &timeout_ms, add, const_cast<void*>(static_cast<const void*>(&want_fd)));
  return timeout_ms == UINT32_MAX ? -1 : static_cast<int>(timeout_ms);
}

void SlirpStack::process(const std::function<std::uint32_t(int)>& ready) {
  auto ask = [](int fd, void* opaque) {
    return from_epoll((*static_cast<const std::function<std::uint32_t(int)>*>(opaque))(fd));
  };
  ::slirp_pollfds_poll(slirp_, 0, ask, const_cast<void*>(static_cast<const void*>(&ready)));
}

}  // namespace sublet::netns
