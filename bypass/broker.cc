// SPDX-License-Identifier: Apache-2.0
#include "bypass/broker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "bypass/announcement.h"
#include "bypass/calls.h"
#include "bypass/doors.h"
#include "bypass/host_ports.h"
#include "bypass/isolation.h"
#include "bypass/orders.h"
#include "bypass/report.h"
#include "bypass/rights.h"
#include "bypass/routes.h"
#include "bypass/sandbox.h"
#include "bypass/socket_kind.h"
#include "bypass/tools.h"

namespace sublet::bypass {
namespace {

// One listener's thread. It ends when nobody is left under the filter, and says so.
class ListenerThread {
 public:
  ListenerThread(Tools& tools, Calls::Listener listener, std::vector<Slot*> left, std::function<void()> ended)
      : pod(listener.pod),
        thread_([&tools, listener = std::move(listener), left = std::move(left), ended = std::move(ended)]() mutable {
          serve(tools, std::move(listener), left);
          ended();
        }) {}
  ~ListenerThread() { thread_.join(); }
  ListenerThread(const ListenerThread&) = delete;
  ListenerThread& operator=(const ListenerThread&) = delete;

  const std::shared_ptr<Pod> pod;

 private:
  static void serve(Tools& tools, Calls::Listener listener, const std::vector<Slot*>& left) {
    const int fd = listener.fd;
    const std::uint32_t number = listener.number;
    Calls calls(tools, std::move(listener));
    // What a broker before us fetched. A slot that it had taken and not used, or answered, is simply free.
    for (Slot* slot : left) calls.mend(*slot);
    for (Slot* slot : left) {
      if (slot->notification.id != 0 && still_valid(fd, slot->notification.id))
        calls.handle(slot, true);
      else
        tools.slots.give_back(slot);
    }
    for (;;) {
      if (!tools.receive_ends && !await(fd)) return;
      Slot* slot = tools.slots.take(number);
      if (slot == nullptr) {
        // All are in use by connects that wait. They end by themselves; until then there is nothing to fetch into.
        constexpr timespec kMoment{0, 1'000'000};
        (void)::nanosleep(&kMoment, nullptr);
        continue;
      }
      if (receive(fd, slot->notification) == 0) {
        calls.handle(slot);
        continue;
      }
      tools.slots.give_back(slot);
      if (is_over(fd)) return;
    }
  }

  std::thread thread_;
};

class Broker {
 public:
  Broker(EventLoop loop, BrokerOrders orders, std::uint64_t network, std::optional<OwnerCheck> owner, OnPod on_pod)
      : loop_(std::move(loop)),
        orders_(std::move(orders)),
        network_(network),
        on_pod_(std::move(on_pod)),
        owner_(std::move(owner)) {
    isolation_.all = orders_.policies;
  }

  Result<int> run() {
    routes_ = TRY(RouteWatch::create());
    policy_ = std::make_unique<CurrentPolicy>(TRY(policy_facts()));
    repair_ = TRY(EpollRepair::start());
    mailbox_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!mailbox_) return fail_errno("eventfd");
    watches_.push_back(TRY(loop_.on_fd(mailbox_.get(), EPOLLIN, [this](std::uint32_t) { clear_ended(); })));
    watches_.push_back(TRY(loop_.on_fd(routes_->fd(), EPOLLIN, [this](std::uint32_t) { on_routes(); })));
    watches_.push_back(TRY(loop_.on_fd(kStatusFd, EPOLLIN, [this](std::uint32_t) { on_question(); })));
    watches_.push_back(TRY(loop_.on_fd(kReadyFd, EPOLLIN, [this](std::uint32_t) { loop_.stop(0); })));
    watches_.push_back(TRY(loop_.on_fd(kKeeperFd, EPOLLIN, [this](std::uint32_t) { on_keeper(); })));
    return loop_.run();
  }

 private:
  Result<PolicyFacts> policy_facts() {
    PolicyFacts facts;
    facts.cluster = orders_.cluster;
    facts.denied = orders_.denied;
    facts.pods_have_ipv6 = orders_.pods_have_ipv6;
    facts.routes = TRY(read_host_routes());
    facts.device = orders_.device.empty() ? main_device(facts.routes) : device_index(orders_.device);
    device_ = device_name(facts.device);
    return facts;
  }

  Result<void> start_ports() {
    relay_ = TRY(Relay::start());
    UniqueFd network(kNodeNetworkFd);
    struct stat status {};
    if (::fstat(network.get(), &status) != 0) return fail_errno("the node's network namespace");
    auto node = std::make_shared<Pod>(Record{}, std::move(network), status.st_ino);
    const auto facts = policy_->get();
    ports_ = TRY(HostPorts::start({*doors_, pod_sockets_, *relay_, std::move(node), std::move(*owner_), kPortsFd},
                                  address_on(facts->routes, facts->device)));
    return {};
  }

  void on_routes() {
    routes_->drain();
    auto facts = policy_facts();
    if (!facts) return log::warning("{}", facts.error().what);  // the ones we had are still the best guess
    if (ports_) ports_->move_to(address_on(facts->routes, facts->device));
    policy_->replace(std::move(*facts));
  }

  void on_keeper() {
    auto message = receive_message(kKeeperFd);
    if (!message || message->end) return loop_.stop(0);  // node-init is gone, and so are all pods
    if (auto taken = on_message(*message); !taken) log::error("from the keeper: {}", taken.error().what);
  }

  Result<void> on_message(Message& message) {
    if (message.text == "memory" && message.fds.size() == 1) {
      slots_.emplace(TRY(Slots::map(message.fds[0].get())));
      pending_ = TRY(Pending::start(*slots_));
      doors_ = TRY(Doors::start(pod_sockets_));
      accepting_ = TRY(Accepting::start(*slots_, *doors_, defaults_));
      tools_ = std::make_unique<Tools>(
          Tools{*slots_, *policy_, pod_sockets_, *repair_, *pending_, *accepting_, network_, receive_ends_, defaults_});
      return orders_.ports ? start_ports() : Result<void>();
    }
    if (tools_ == nullptr) return fail("a message before the memory");
    if (message.text == "known") {
      slots_->drop_unknown();
      const char byte = 1;
      (void)!::write(kReadyFd, &byte, 1);
      return {};
    }
    if (message.text.starts_with(kIsolationMessage))
      return isolate(isolation_from_json(std::string_view(message.text).substr(kIsolationMessage.size())));
    if (message.fds.size() != 2) return fail("not two descriptors");
    return attach(TRY(announcement_from_json(message.text)), std::move(message.fds[0]), std::move(message.fds[1]));
  }

  Result<void> isolate(Result<Isolation> isolation) {
    if (!isolation) return tl::unexpected(isolation.error());
    isolation_ = std::move(*isolation);
    for (const auto& [inode, pod] : pods_) pod->isolated = is_isolated(isolation_, pod->record);
    return {};
  }

  Result<void> attach(Announcement announcement, UniqueFd fd, UniqueFd network) {
    struct stat status {};
    if (::fstat(network.get(), &status) != 0) return fail_errno("the pod's network namespace");
    std::shared_ptr<Pod>& pod = pods_[status.st_ino];
    const bool is_new = pod == nullptr;
    if (is_new) pod = std::make_shared<Pod>(announcement.record, std::move(network), status.st_ino);
    if (is_new && on_pod_) on_pod_(*doors_, pod);
    if (is_new && ports_) ports_->pod_came(pod);
    pod->isolated = is_isolated(isolation_, pod->record);
    prefer_sync_wake_up(fd.get());
    const std::uint32_t number = announcement.number;
    auto shared = std::make_shared<UniqueFd>(std::move(fd));
    Calls::Listener listener{
        number, shared->get(), announcement.record.killable, announcement.record.level == Level::kFastUdp, shared, pod};
    listeners_.emplace(number, std::make_unique<ListenerThread>(*tools_, std::move(listener), slots_->adopt(number),
                                                                [this, number] { on_ended(number); }));
    return {};
  }

  // Of a listener's thread.
  void on_ended(std::uint32_t number) {
    std::lock_guard lock(mutex_);
    ended_.push_back(number);
    const std::uint64_t one = 1;
    (void)!::write(mailbox_.get(), &one, sizeof one);
  }

  void clear_ended() {
    std::uint64_t ignored = 0;
    (void)!::read(mailbox_.get(), &ignored, sizeof ignored);
    std::vector<std::uint32_t> ended;
    {
      std::lock_guard lock(mutex_);
      ended.swap(ended_);
    }
    for (std::uint32_t number : ended) {
      auto found = listeners_.find(number);
      if (found == listeners_.end()) continue;
      const std::shared_ptr<Pod> pod = found->second->pod;
      listeners_.erase(found);
      (void)send_message(kKeeperFd, "gone " + std::to_string(number));
      const bool last =
          std::none_of(listeners_.begin(), listeners_.end(), [&](const auto& each) { return each.second->pod == pod; });
      if (!last) continue;
      doors_->forget(pod);
      add_up(gone_, pod->counters);
      if (ports_) ports_->pod_went(pod->record.pod_uid);
      pods_.erase(pod->network_inode);
    }
  }

  void on_question() {
    const UniqueFd connection(::accept4(kStatusFd, nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection || !is_own_peer(connection.get())) return;
    constexpr timeval kPatience{1, 0};
    (void)::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    auto message = receive_message(connection.get());
    if (!message || message->text != "status") return;
    std::vector<std::shared_ptr<Pod>> pods;
    for (const auto& [inode, pod] : pods_) pods.push_back(pod);
    const nlohmann::json ports = ports_ ? ports_->report() : nlohmann::json::array();
    std::string report = report_as_json(device_, listeners_.size(), pods, gone_, ports);
    // A message has its limit; the pods are what this is asked for.
    if (report.size() > kMaxMessageBytes)
      report = report_as_json(device_, listeners_.size(), pods, gone_, nlohmann::json::array());
    if (report.size() > kMaxMessageBytes) report = report_as_json(device_, listeners_.size(), {}, gone_, {});
    (void)send_message(connection.get(), report);
  }

  EventLoop loop_;
  const BrokerOrders orders_;
  const std::uint64_t network_;
  const AllDefaults defaults_;
  const OnPod on_pod_;
  std::string device_;
  std::optional<RouteWatch> routes_;
  std::optional<Slots> slots_;
  std::unique_ptr<CurrentPolicy> policy_;
  PodSockets pod_sockets_;
  std::optional<OwnerCheck> owner_;
  std::unique_ptr<EpollRepair> repair_;
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<Doors> doors_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<HostPorts> ports_;
  std::unique_ptr<Accepting> accepting_;
  std::unique_ptr<Tools> tools_;
  std::map<ino_t, std::shared_ptr<Pod>> pods_;
  Isolation isolation_;
  Counters gone_;  // of pods that are no more
  std::mutex mutex_;
  std::vector<std::uint32_t> ended_;
  UniqueFd mailbox_;
  const bool receive_ends_ = receive_ends();
  std::map<std::uint32_t, std::unique_ptr<ListenerThread>> listeners_;
  std::vector<EventLoop::Watch> watches_;
};

Result<int> run_broker(OnPod on_pod) {
  for (int fd : {kOrdersFd, kKeeperFd, kStatusFd, kUserNamespaceFd, kReadyFd})
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail_errno("descriptor " + std::to_string(fd) + " is missing");
  const std::string text = TRY_WHILE("reading the orders", fs::read_fd(kOrdersFd));
  BrokerOrders orders = TRY(broker_orders_from_json(text));
  std::optional<OwnerCheck> owner;
  if (orders.ports) {
    for (int fd : {kPortsFd, kNodeNetworkFd})
      if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail_errno("descriptor " + std::to_string(fd) + " is missing");
    owner = TRY(OwnerCheck::create());
  }
  TRY(enter_user_namespace(kUserNamespaceFd));
  // A change of credentials takes this back, so it comes after.
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno("prctl");
  if (::getppid() != parent) return 0;
  raise_open_files();
  if (auto left = leave_file_system(); !left) log::warning("going on in the host's file system: {}", left.error().what);
  const std::uint64_t network = own_network();
  if (network == 0)
    return fail("this kernel does not tell network namespaces of sockets apart (SO_NETNS_COOKIE, 5.14)");
  EventLoop loop = TRY(EventLoop::create());
  Broker broker(std::move(loop), std::move(orders), network, std::move(owner), std::move(on_pod));
  // Now, as it has tried with a child what this kernel does (receive_ends()), and has looked at nobody's memory yet.
  if (auto confined = enter_sandbox(); !confined) log::warning("{}", confined.error().what);
  const int status = TRY(broker.run());
  // Threads may wait in calls that only the end of the process ends.
  ::_exit(status);
}

}  // namespace

int broker_main(OnPod on_pod) {
  log::set_up("sublet broker", log::Level::kInfo);
  auto status = run_broker(std::move(on_pod));
  if (status) return *status;
  log::error("{}", to_string(status.error()));
  ::_exit(1);
}

}  // namespace sublet::bypass
