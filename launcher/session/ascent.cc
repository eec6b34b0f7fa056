// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/ascent.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <arpa/inet.h>
#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "launcher/cluster/files.h"
#include "launcher/images/import.h"
#include "launcher/session/dns_query.h"

namespace sublet::launcher {
namespace {

bool node_is_ready(const nlohmann::json& node) {
  const auto conditions = node.value(nlohmann::json::json_pointer("/status/conditions"), nlohmann::json::array());
  return std::any_of(conditions.begin(), conditions.end(), [](const nlohmann::json& condition) {
    return condition.value("type", "") == "Ready" && condition.value("status", "") == "True";
  });
}

// Connects a non-blocking socket within the time.
Result<void> connect_within(int socket, const std::string& address, std::uint16_t port, int timeout_ms) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return fail(address + " is no IPv4 address");
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return {};
  if (errno != EINPROGRESS) return fail_errno("connect " + address);
  pollfd watched{socket, POLLOUT, 0};
  if (::poll(&watched, 1, timeout_ms) != 1) return fail("connect " + address + ": no answer in time");
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return fail_errno("getsockopt");
  if (error != 0) return fail_errno("connect " + address, error);
  return {};
}

}  // namespace

Result<std::unique_ptr<Ascent>> Ascent::create(AscentPlan plan, Listener listener) {
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno("eventfd");
  return std::unique_ptr<Ascent>(new Ascent(std::move(plan), std::move(listener), std::move(stop)));
}

Ascent::Ascent(AscentPlan plan, Listener listener, UniqueFd stop)
    : plan_(std::move(plan)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      deadline_(std::chrono::steady_clock::now() + plan_.plan.config.ready_timeout) {
  thread_ = std::thread([this] {
    auto result = climb();
    if (!cancelled_) listener_.done(std::move(result));
  });
}

Ascent::~Ascent() {
  cancel();
  thread_.join();
}

void Ascent::containerd_ready() {
  std::lock_guard lock(mutex_);
  containerd_ready_ = true;
  changed_.notify_all();
}

void Ascent::wake_all() {
  changed_.notify_all();
  (void)::eventfd_write(stop_.get(), 1);  // fails only when 2^64-1 wakings wait
}

void Ascent::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  wake_all();
}

Result<void> Ascent::still_wanted() const {
  if (cancelled_) return fail("cancelled");
  if (failed_) return fail("given up");
  return {};
}

std::chrono::milliseconds Ascent::time_left() const {
  return std::max(std::chrono::milliseconds(0),
                  std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()));
}

Result<void> Ascent::phase(const std::string& name, const std::function<Result<void>()>& step) {
  listener_.begun(name);
  TRY_WHILE(name, step());
  TRY(still_wanted());
  listener_.ended(name);
  return {};
}

Result<void> Ascent::climb_api() {
  ApiClient client = TRY(ApiClient::create(plan_.api));
  auto between = [this] { return still_wanted(); };
  auto apply = [&](const std::vector<std::string>& objects) -> Result<void> {
    for (const std::string& object : objects) TRY(client.apply_all(object, time_left(), between));
    return {};
  };
  auto objects = [&]() -> Result<void> {
    TRY(apply(early_objects()));
    listener_.reached(kRolesMade);
    return apply(base_objects(plan_.plan, plan_.api.ca_pem));
  };
  auto node = [&] {
    const std::string& name = plan_.plan.node_name;
    bool registered = false;
    auto done = [&](const nlohmann::json& object) {
      if (!std::exchange(registered, true)) listener_.reached(kNodeRegistered);
      return node_is_ready(object);
    };
    return client.wait_until("node " + name + " to be Ready", "/api/v1/nodes/" + name, done, time_left(), between);
  };
  TRY(phase("API server", [&] { return client.wait_serving(time_left(), between); }));
  listener_.reached(kApiServer);
  // From here on the rest of the API server's start goes on beside ours.
  auto controllers = std::async(std::launch::async, [this] { note_failure(climb_controllers()); });
  note_failure([&]() -> Result<void> {
    TRY(phase("first objects", objects));
    TRY(phase("node", node));
    return phase("DNS", [&] { return wait_for_dns(); });
  }());
  return {};  // the future waits for the controllers
}

// A client of its own: libcurl's handles are for one thread each.
Result<void> Ascent::climb_controllers() {
  ApiClient client = TRY(ApiClient::create(plan_.api));
  auto between = [this] { return still_wanted(); };
  TRY(phase("API server ready", [&] { return client.wait_ready(time_left(), between); }));
  api_ready_ = true;
  listener_.reached(kApiReady);
  // The default namespace's own account says nothing about them: first objects.
  return phase("controllers", [&] {
    return client.wait_until(
        "the controllers", "/api/v1/namespaces/kube-public/serviceaccounts/default",
        [](const nlohmann::json&) { return true; }, time_left(), between);
  });
}

Result<void> Ascent::climb() {
  // Images and API have nothing to do with one another until the first pod.
  auto images = std::async(std::launch::async, [this] { note_failure(import_images()); });
  note_failure(climb_api());
  images.wait();
  std::lock_guard lock(mutex_);
  if (first_failure_) return tl::unexpected(*first_failure_);
  return {};
}

// With one failure known, what runs beside need not be waited for, and its own "given up" is not the news.
void Ascent::note_failure(Result<void> result) {
  if (result) return;
  std::lock_guard lock(mutex_);
  if (!first_failure_) first_failure_ = std::move(result).error();
  failed_ = true;
  wake_all();
}

Result<void> Ascent::import_images() {
  if (plan_.plan.archives.empty()) return {};
  return phase("images", [&]() -> Result<void> {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline_, [&] { return containerd_ready_ || failed_ || cancelled_; }))
        return fail("containerd did not get ready in time", "", ExitCode::kNotReady);
    }
    for (const std::string& archive : plan_.plan.archives) {
      TRY(still_wanted());
      TRY(import_one(archive));
    }
    return {};
  });
}

Result<void> Ascent::import_one(const std::string& archive) {
  ImportPlan import;
  import.ctr.argv = {plan_.plan.components_dir + "/ctr", "--address", plan_.state_dir + "/" + kContainerdSocketInState};
  import.cancel_fd = stop_.get();
  import.timeout_ms = static_cast<int>(time_left().count());
  return import_archive(archive, import);
}

Result<void> Ascent::wait_for_dns() {
  const std::string name = "kubernetes.default.svc." + plan_.plan.config.cluster_domain;
  constexpr int kTryMs = 500;
  constexpr std::chrono::milliseconds kBetweenTries{25};
  // The API server makes the Service that is asked for as soon as it is ready. A coredns that has not heard of it long
  // after (seen once, on a machine with much to do) never will; a new one lists anew.
  constexpr std::chrono::seconds kLongAfter{5};
  auto unknown_since = std::chrono::steady_clock::now();
  for (;;) {
    auto tried = [&]() -> Result<void> {
      UniqueFd socket = TRY(plan_.api.socket());
      // By way of the Service, so that kube-proxy is seen to work too.
      TRY(connect_within(socket.get(), plan_.plan.addresses.dns_service, kDnsPort, kTryMs));
      return ask_dns(socket.get(), name, kTryMs);
    }();
    if (tried) return {};
    TRY(still_wanted());
    const auto now = std::chrono::steady_clock::now();
    if (!api_ready_ || !tried.error().is(ENOENT)) unknown_since = now;
    if (now - unknown_since >= kLongAfter) {
      listener_.restart(kCoreDns, name + ": " + tried.error().what);
      unknown_since = now;
    }
    if (time_left().count() == 0)
      return tl::unexpected(std::move(tried).error().while_doing("asking for " + name).with_exit(ExitCode::kNotReady));
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kBetweenTries, [&] { return cancelled_.load(); });
  }
}

}  // namespace sublet::launcher
