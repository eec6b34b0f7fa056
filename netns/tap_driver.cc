// SPDX-License-Identifier: Apache-2.0
#include "netns/tap_driver.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/fs.h"
#include "base/log.h"
#include "base/sys.h"
#include "netns/frame.h"
#include "netns/poll_set.h"
#include "netns/sandbox.h"
#include "netns/slirp.h"
#include "netns/tap.h"

namespace sublet::netns {
namespace {

constexpr int kOrdersFd = 3;
constexpr int kTapFd = 4;
constexpr int kLifeFd = 5;

constexpr std::size_t kMaxFrame = 65535 + 14;
// Frames taken from the tap before sockets get their turn: long enough to spare system calls, short enough not to
// starve the other direction.
constexpr int kBatch = 32;
// Below this a guest's MSS is taken as it is: pretending a larger one would make very many segments of one frame.
constexpr std::uint16_t kMinMss = 500;
// What a guest with an MTU of 65520 would offer: libslirp's congestion window starts there.
constexpr std::uint16_t kFullMss = kMaxTapMtu - 40;
// How large the segments of a frame are said to be, whatever the MTU. It costs nothing per segment, and a guest that
// sees large ones opens its window in as large steps, so that the sender waits (tcp_output.c, __tcp_select_window):
// measured 1.2 times as fast as the whole frame as one segment.
constexpr std::uint16_t kSegment = 1460;
// Frames smaller than this cost the guest less to check than to describe.
constexpr std::size_t kWorthOffload = 512;

class Driver {
 public:
  Driver(const TapOrders& orders, PollSet polls)
      : polls_(std::move(polls)), ipv6_(orders.v6.has_value()), denied_(orders.denied) {
    std::copy_n(orders.v4.gateway.bytes.begin(), gateway_.size(), gateway_.begin());
  }
  Result<void> create_stack(const TapOrders& orders) {
    stack_ = TRY(SlirpStack::create(orders, {.send_frame = [this](ConstBytes frame) { to_guest(frame); },
                                             .forget_fd = [this](int fd) { polls_.forget(fd); }}));
    return {};
  }
  /// Until the launcher or the namespace is gone.
  Result<void> run();

 private:
  enum class Tap { kThere, kGone };
  Tap from_guest();
  void to_guest(ConstBytes frame);
  [[nodiscard]] static bool launcher_gone(std::uint32_t events);

  PollSet polls_;
  std::unique_ptr<SlirpStack> stack_;
  bool ipv6_;
  std::vector<Cidr> denied_;
  std::array<std::uint8_t, 4> gateway_{};
  // kSegment, or the smallest MSS that a guest has offered and that was raised. One for all connections: a smaller one
  // than needed does no harm.
  std::uint16_t segment_ = kSegment;
  struct {
    VnetHeader header;
    std::array<std::uint8_t, kMaxFrame> frame;
  } __attribute__((packed)) in_{};
};

Result<void> Driver::run() {
  for (;;) {
    polls_.begin_round();
    polls_.want(kTapFd, EPOLLIN);
    polls_.want(kLifeFd, EPOLLIN);
    int timeout_ms = stack_->want([this](int fd, std::uint32_t events) { polls_.want(fd, events); });
    TRY(polls_.wait(timeout_ms));
    std::uint32_t life = polls_.ready(kLifeFd);
    if (life != 0 && launcher_gone(life)) return {};
    if (polls_.ready(kTapFd) != 0 && from_guest() == Tap::kGone) {
      log::info("the tap's namespace is gone");
      return {};
    }
    // In the same round, also when frames came: else a busy tap would starve the sockets.
    stack_->process([this](int fd) { return polls_.ready(fd); });
  }
}

bool Driver::launcher_gone(std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return true;
  char byte = 0;
  ssize_t count = ::recv(kLifeFd, &byte, 1, MSG_DONTWAIT);
  if (count < 0 && errno == ENOTSOCK) count = ::read(kLifeFd, &byte, 1);
  return count == 0;
}

Driver::Tap Driver::from_guest() {
  stack_->tick();
  for (int i = 0; i < kBatch; ++i) {
    ssize_t count = ::read(kTapFd, &in_, sizeof in_);
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno == EBADFD ? Tap::kGone : Tap::kThere;  // EBADFD: the link was deleted (tun.c, tun_get)
    }
    if (static_cast<std::size_t>(count) < sizeof in_.header) continue;
    Bytes frame(in_.frame.data(), static_cast<std::size_t>(count) - sizeof in_.header);
    if (!may_enter(frame, ipv6_, gateway_) || goes_to(frame, denied_)) continue;
    if ((in_.header.flags & VnetHeader::kNeedsChecksum) != 0 &&
        !complete_checksum(frame, in_.header.checksum_start, in_.header.checksum_offset))
      continue;
    if (auto offered = raise_mss(frame, kMinMss, kFullMss)) segment_ = std::min(segment_, *offered);
    stack_->input(frame);
  }
  return Tap::kThere;
}

void Driver::to_guest(ConstBytes frame) {
  VnetHeader plain{};
  auto piece = [](const void* data, std::size_t size) { return iovec{const_cast<void*>(data), size}; };
  std::array<iovec, 4> pieces{piece(&plain, sizeof plain), piece(frame.data(), frame.size())};
  int count = 2;
  auto better = frame.size() < kWorthOffload ? std::nullopt : offload(frame, segment_);
  if (better) {
    std::size_t at = better->checksum_offset;
    pieces = {piece(&better->header, sizeof better->header), piece(frame.data(), at),
              piece(&better->checksum, sizeof better->checksum),
              piece(frame.data() + at + sizeof better->checksum, frame.size() - at - sizeof better->checksum)};
    count = 4;
  }
  // A frame that the guest's kernel does not take is lost, as on any wire.
  (void)!::writev(kTapFd, pieces.data(), count);
}

Result<TapOrders> read_orders() {
  std::string text = TRY_WHILE("reading the orders", fs::read_fd(kOrdersFd, std::size_t{1} << 20));
  return tap_orders_from_json(text);
}

Result<void> drive() {
  // The launcher asks for it too; but who starts us otherwise may not. Its end is also seen at kLifeFd.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno("PR_SET_PDEATHSIG");
  TapOrders orders = TRY(read_orders());
  TRY(enable_offloads(kTapFd));
  TRY(sys::set_nonblocking(kTapFd, true));
  Driver driver(orders, TRY(PollSet::create()));
  TRY(driver.create_stack(orders));
  (void)::close(kOrdersFd);
  for (const std::string& layer : enter_sandbox(orders.resolv_conf)) log::warning("going on without {}", layer);
  TRY_WHILE("telling that we are ready", sys::write_all(kLifeFd, "r"));
  return driver.run();
}

}  // namespace

int tap_driver_main() {
  log::set_up("sublet[tap]", log::Level::kWarning);
  // A peer that has closed is libslirp's to find out by EPIPE.
  (void)::signal(SIGPIPE, SIG_IGN);
  auto result = drive();
  if (!result) log::error("{}", to_string(result.error()));
  // Not by exit(3): what runs there belongs to others, and may call what the filter does not let through.
  ::_exit(result ? 0 : static_cast<int>(result.error().exit));
}

Result<TapDriver> start_tap_driver(Command command, const TapOrders& orders, int tap, int timeout_ms) {
  TRY(check(orders));
  auto memory = TRY(sys::sealed_memfd("tap-orders", to_json(orders)));
  auto [ours, theirs] = TRY(sys::socketpair(SOCK_STREAM));
  command.fds.insert(command.fds.end(), {{memory.get(), kOrdersFd}, {tap, kTapFd}, {theirs.get(), kLifeFd}});
  command.parent_death_signal = SIGKILL;
  Process process = TRY_WHILE("starting the tap driver", command.spawn());
  theirs.reset();
  pollfd ready{ours.get(), POLLIN, 0};
  int count = 0;
  do count = ::poll(&ready, 1, timeout_ms);
  while (count < 0 && errno == EINTR);
  char byte = 0;
  if (count == 1 && ::recv(ours.get(), &byte, 1, 0) == 1) return TapDriver{std::move(process), std::move(ours)};
  (void)process.signal(SIGKILL);
  ExitStatus status = TRY(process.wait());
  if (count == 0) return fail("the tap driver was not ready in time");
  return fail("the tap driver ended at once: " + status.describe(), "its own message is on standard error");
}

}  // namespace sublet::netns
