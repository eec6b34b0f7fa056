// SPDX-License-Identifier: Apache-2.0
#include "bypass/host_ports.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "bypass/policy.h"

namespace sublet::bypass {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t kWake = 0;
constexpr std::uint64_t kChannel = 1;
constexpr int kEvents = 64;
constexpr std::size_t kMostVisitors = 256;  // of one port
constexpr std::size_t kMostRelayed = 4096;  // of one port
// A port that is taken is tried again, each time after twice as long.
constexpr milliseconds kFirstTry{500};
constexpr milliseconds kLastTry{30'000};
constexpr milliseconds kLook{1000};  // while connections are under way

}  // namespace

IpAddress address_on(const std::vector<HostRoute>& routes, int device) {
  const HostRoute* best = nullptr;
  for (const HostRoute& route : routes) {
    // A single address; not the device's broadcast address, which is a route of another type.
    if (!route.local || route.device != device || route.prefix.length != route.prefix.address.bits()) continue;
    if (route.prefix.address.v6 && route.prefix.address.bytes[0] == 0xfe) continue;  // link-local: says no device
    if (best == nullptr || (best->prefix.address.v6 && !route.prefix.address.v6)) best = &route;
  }
  return best != nullptr ? best->prefix.address : *parse_ip("127.0.0.1");
}

HostPorts::HostPorts(Means means, const IpAddress& address) : means_(std::move(means)), address_(address) {}

Result<std::unique_ptr<HostPorts>> HostPorts::start(Means means, const IpAddress& address) {
  std::unique_ptr<HostPorts> ports(new HostPorts(std::move(means), address));
  TRY(sys::set_nonblocking(ports->means_.channel, true));
  ports->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  ports->wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ports->epoll_ || !ports->wake_) return fail_errno("the host's ports");
  for (const auto& [fd, number] : {std::pair{ports->wake_.get(), kWake}, {ports->means_.channel, kChannel}}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (::epoll_ctl(ports->epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("the host's ports");
  }
  ports->thread_ = std::thread([raw = ports.get()] { raw->work(); });
  return ports;
}

HostPorts::~HostPorts() {
  if (!thread_.joinable()) return;
  post([this] { stopping_ = true; });
  thread_.join();
}

void HostPorts::post(std::function<void()> call) {
  bool is_first = false;
  {
    std::lock_guard lock(mail_mutex_);
    is_first = mail_.empty();
    mail_.push_back(std::move(call));
  }
  // For those after it, the thread has been woken already, and not looked yet.
  if (is_first) (void)::eventfd_write(wake_.get(), 1);  // fails only when 2^64-1 wakings wait
}

void HostPorts::take_mail() {
  std::uint64_t ignored = 0;
  (void)!::read(wake_.get(), &ignored, sizeof ignored);
  std::vector<std::function<void()>> mail;
  {
    std::lock_guard lock(mail_mutex_);
    mail.swap(mail_);
  }
  for (const auto& call : mail) call();
}

void HostPorts::move_to(const IpAddress& address) {
  post([this, address] {
    if (address == address_) return;
    address_ = address;
    for (const auto& [key, port] : ports_) {
      if (port->spec.address) continue;
      drop(*port);
      port->again = {};
    }
  });
}

void HostPorts::pod_came(std::shared_ptr<Pod> pod) {
  post([this, pod = std::move(pod)] {
    pods_[pod->record.pod_uid] = pod;
    hold_doors();
  });
}

void HostPorts::pod_went(const std::string& uid) {
  post([this, uid] {
    pods_.erase(uid);
    hold_doors();
  });
}

json HostPorts::report() {
  std::lock_guard lock(mutex_);
  json rows = json::array();
  for (const auto& [key, port] : ports_) {
    const PortCounts& counts = port->counts;
    rows.push_back({{"key", key},
                    {"address", port->listener ? address_of(*port).text() : ""},
                    {"port", port->listener ? port->listener->port() : 0},
                    {"error", port->error},
                    {"public", port->spec.open},
                    {"endpoints", port->spec.endpoints.size()},
                    {"waiting", port->waiting},
                    {"relaying", port->relaying},
                    {"handed", counts.handed},
                    {"relayed", counts.relayed},
                    {"strangers", counts.strangers},
                    {"isolated", counts.isolated},
                    {"failed", counts.failed}});
  }
  return rows;
}

void HostPorts::work() {
  std::array<epoll_event, kEvents> events;
  while (!stopping_) {
    int timeout = -1;
    {
      std::lock_guard lock(mutex_);
      timeout = next_timeout();
    }
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEvents, timeout);
    std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      on_event(event.data.u64, event.events);
    }
    expire();
  }
}

void HostPorts::on_event(std::uint64_t number, std::uint32_t events) {
  if (number == kWake) return take_mail();
  if (number == kChannel) return on_channel(events);
  if (const auto found = listening_.find(number); found != listening_.end())
    return accept_some(std::shared_ptr<Port>(found->second));
  if (visitors_.contains(number)) on_dialled(number);
}

// What has its time: ports to be tried again, connects that take too long, a rest that is over.
void HostPorts::expire() {
  const auto now = Clock::now();
  if (rest_ && *rest_ <= now) rest_.reset();
  std::vector<std::uint64_t> late;
  if (dialling_ > 0)
    for (const auto& [number, visitor] : visitors_)
      if (visitor.upstream && visitor.deadline <= now) late.push_back(number);
  for (const std::uint64_t number : late) {
    Visitor& visitor = visitors_.at(number);
    visitor.upstream.reset();
    --dialling_;
    visitor.tried.push_back(visitor.at);
    send_on(number);
  }
  for (const auto& [key, port] : ports_) {
    if (!port->listener && port->again <= now) try_bind(*port);
    watch(*port);
  }
  tell();
}

int HostPorts::next_timeout() {
  std::optional<Clock::time_point> next = rest_;
  const auto sooner = [&](Clock::time_point time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [key, port] : ports_)
    if (!port->listener) sooner(port->again);
  if (dialling_ > 0) sooner(Clock::now() + kLook);
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLastTry.count()));
}

void HostPorts::on_channel(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    channel_full_ = false;
    watch_channel(false);
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
  auto message = receive_message(means_.channel);
  if (!message && message.error().is(EAGAIN)) return;
  if (!message || message->end) {  // the launcher is gone, and we with it
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, means_.channel, nullptr);
    return;
  }
  constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  if (message->text != "table" || message->fds.size() != 1) return log::error("ports: an unknown message");
  const auto text = fs::read_fd(message->fds[0].get(), kMostBytes);
  auto table = text ? port_table_from_json(*text) : tl::unexpected(text.error());
  if (!table) return log::error("ports: {}", table.error().what);
  replace(std::move(*table));
}

void HostPorts::replace(std::vector<HostPort> table) {
  std::map<std::string, std::shared_ptr<Port>> before;
  before.swap(ports_);
  for (HostPort& spec : table) {
    std::shared_ptr<Port>& port = ports_[spec.key];
    if (const auto found = before.find(spec.key); found != before.end()) port = std::move(found->second);
    before.erase(spec.key);
    if (port == nullptr) port = std::make_shared<Port>();
    if (spec.wanted != port->spec.wanted || spec.address != port->spec.address) {
      drop(*port);
      port->again = {};
    }
    port->choice.replace(spec.endpoints, std::chrono::seconds(spec.affinity));
    port->spec = std::move(spec);
  }
  // Those that go first: their numbers may be wanted by those that come.
  for (const auto& [key, port] : before) {
    drop(*port);
    told_.erase(key);
  }
  hold_doors();
  for (const auto& [key, port] : ports_) settle(*port);
}

void HostPorts::settle(Port& port) {
  if (!port.listener && port.again <= Clock::now()) return try_bind(port);
  if (!port.listener) return;
  if (auto answered = port.listener->answer(!port.spec.endpoints.empty()); !answered) {
    log::warning("port {}: {}", port.listener->port(), answered.error().what);
    drop(port);
    port.again = {};
    return;
  }
  watch(port);
}

void HostPorts::try_bind(Port& port) {
  untold_ = true;
  auto bound = PortListener::bind(address_of(port), port.spec.wanted, port.spec.last);
  if (!bound) {
    const milliseconds wait = std::min(kLastTry, kFirstTry * (1 << std::min(port.failures, 10)));
    port.again = Clock::now() + wait;
    ++port.failures;
    const Error& error = bound.error();
    port.error = error.hint.empty() ? error.what : error.what + "; " + error.hint;
    return;
  }
  port.failures = 0;
  port.error.clear();
  port.listener.emplace(std::move(*bound));
  port.spec.last = port.listener->port();
  port.number = ++last_number_;
  listening_[port.number] = ports_.at(port.spec.key);
  settle(port);
}

void HostPorts::drop(Port& port) {
  untold_ = true;
  listening_.erase(port.number);
  port.listener.reset();  // out of the epoll set by that
  port.watched = false;
}

// Accepts while there is room, and while there are descriptors.
void HostPorts::watch(Port& port) {
  if (!port.listener) return;
  const bool wanted =
      port.listener->answers() && port.waiting < kMostVisitors && port.relaying < kMostRelayed && !rest_;
  if (wanted == port.watched) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = port.number;
  const int action = wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
  if (::epoll_ctl(epoll_.get(), action, port.listener->fd(), &event) == 0) port.watched = wanted;
}

void HostPorts::watch_channel(bool writable) {
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  event.data.u64 = kChannel;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, means_.channel, &event);
}

// What the launcher does not know yet, as far as the socket takes it.
void HostPorts::tell() {
  if (channel_full_ || !untold_) return;
  for (const auto& [key, port] : ports_) {
    if (!port->listener && port->error.empty()) continue;  // not tried yet
    PortState state{key, "", 0, port->error};
    if (port->listener) {
      state.address = address_of(*port).text();
      state.port = port->listener->port();
    }
    std::string text = to_json(state);
    std::string& told = told_[key];
    if (told == text) continue;
    const auto sent = send_message(means_.channel, text);
    if (!sent && sent.error().is(EAGAIN)) {
      channel_full_ = true;
      return watch_channel(true);
    }
    told = std::move(text);
  }
  untold_ = false;
}

// Opens the doors of the pods that are endpoints, and closes those of pods that are not any more.
void HostPorts::hold_doors() {
  std::map<DoorName, std::shared_ptr<Pod>> wanted;
  for (const auto& [key, port] : ports_)
    for (const PortEndpoint& each : port->spec.endpoints)
      if (const auto pod = pods_.find(each.pod_uid); pod != pods_.end())
        wanted.emplace(DoorName{each.pod_uid, each.port}, pod->second);
  for (const auto& [name, pod] : open_doors_) {
    const auto found = wanted.find(name);
    if (found == wanted.end() || found->second != pod) means_.doors.close(pod, name.second);
  }
  for (const auto& [name, pod] : wanted) {
    const auto found = open_doors_.find(name);
    if (found == open_doors_.end() || found->second != pod) means_.doors.open(pod, name.second);
  }
  open_doors_ = std::move(wanted);
}

}  // namespace sublet::bypass
