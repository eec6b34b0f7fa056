// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/network_policy.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/event_loop.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"
#include "bypass/isolation.h"
#include "launcher/policy/addresses.h"
#include "launcher/policy/render.h"
#include "launcher/policy/watch.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Changes come in bunches: a pod that starts is several.
constexpr milliseconds kBunch{10};
constexpr milliseconds kAgain{1000};  // after what went wrong
constexpr int kNftMs = 20'000;

struct Field {
  const char* key;
  std::string PolicySettings::*member;
};
constexpr Field kFields[] = {{"ca", &PolicySettings::ca_pem},
                             {"certificate", &PolicySettings::cert_pem},
                             {"key", &PolicySettings::key_pem},
                             {"server", &PolicySettings::server},
                             {"pods", &PolicySettings::pods}};

bypass::Isolation isolation_of(const PolicyVerdicts& verdicts) {
  bypass::Isolation isolation;
  for (const auto& [ns, free] : verdicts.free_to_leave) isolation.free[ns].insert(free.begin(), free.end());
  return isolation;
}

class Enforcer {
 public:
  Enforcer(EventLoop loop, PolicySettings settings, const Cidr& pods, PodAddresses addresses, std::string nft)
      : loop_(std::move(loop)),
        settings_(std::move(settings)),
        pods_(pods),
        addresses_(std::move(addresses)),
        nft_(std::move(nft)),
        mailbox_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        store_([fd = mailbox_.get()] {
          const std::uint64_t one = 1;
          (void)!::write(fd, &one, sizeof one);
        }) {}

  Result<int> run() {
    if (!mailbox_) return fail_errno("eventfd");
    mail_ = TRY(loop_.on_fd(mailbox_.get(), EPOLLIN, [this](std::uint32_t) {
      std::uint64_t ignored = 0;
      (void)!::read(mailbox_.get(), &ignored, sizeof ignored);
      soon(kBunch);
    }));
    files_ = TRY(loop_.on_fd(addresses_.fd(), EPOLLIN, [this](std::uint32_t) {
      addresses_.update();
      enforce();  // at once: a container of it is about to start
    }));
    for (const PolicyKind kind : {PolicyKind::kNamespaces, PolicyKind::kPods, PolicyKind::kPolicies})
      std::thread([this, kind] {
        ClientPlan plan;
        plan.server = settings_.server;
        plan.ca_pem = settings_.ca_pem;
        plan.cert_pem = settings_.cert_pem;
        plan.key_pem = settings_.key_pem;
        follow(std::move(plan), kind, store_);
      }).detach();
    return loop_.run();
  }

 private:
  void soon(milliseconds delay) {
    if (auto timer = loop_.after(delay, [this] { enforce(); })) timer_ = std::move(*timer);
  }

  void enforce() {
    auto world = store_.world();
    if (!world) return;
    world->addresses = addresses_.all();
    const PolicyVerdicts verdicts = compile(*world);
    // The bypass first: what it lets go then passes the packet filter.
    const bool told = tell(isolation_of(verdicts));
    const bool held = hold(verdicts);
    if (!told || !held) soon(kAgain);
  }

  bool tell(bypass::Isolation isolation) {
    if (!settings_.bypass || told_ == isolation) return true;
    if (auto told = bypass::tell_isolation(bypass::kKeeperSocket, isolation); !told) {
      log::warning("{}", to_string(told.error()));
      return false;
    }
    told_ = std::move(isolation);
    return true;
  }

  bool hold(const PolicyVerdicts& verdicts) {
    std::string rules = policy_rules(verdicts, pods_);
    if (rules == held_) return true;
    if (auto given = give_to_nft(rules); !given) {
      log::error("{}", to_string(given.error()));
      return false;
    }
    const bool first = held_.empty();
    held_ = std::move(rules);
    if (!first || verdicts.any)
      log::info("{} pods are held in what they send, {} in what they get, of {}", verdicts.egress.pods.size(),
                verdicts.ingress.pods.size(), verdicts.known.size());
    return true;
  }

  Result<void> give_to_nft(const std::string& rules) const {
    const UniqueFd file = TRY(sys::sealed_memfd("rules", rules));
    Command command{.argv = {nft_, "-f", "/proc/self/fd/3"}};
    command.fds = {{file.get(), 3}};
    command.parent_death_signal = SIGKILL;
    const Output output = TRY_WHILE("giving the rules to nft", ::sublet::run(std::move(command), kNftMs));
    if (output.status.success()) return {};
    const auto said = lines(trim(output.err));
    return fail("nft: " + (said.empty() ? output.status.describe() : said[0]));
  }

  EventLoop loop_;
  const PolicySettings settings_;
  const Cidr pods_;
  PodAddresses addresses_;
  const std::string nft_;
  UniqueFd mailbox_;
  PolicyStore store_;
  std::optional<bypass::Isolation> told_;
  std::string held_;
  EventLoop::Watch mail_;
  EventLoop::Watch files_;
  EventLoop::Watch timer_;
};

// Packets from pod to pod cross a bridge, and are seen by the filter only if this namespace says so. The default.
void filter_the_bridge() {
  const std::string file = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  const auto now = fs::read_file(file);
  if (now && trim(*now) == "1") return;
  if (!now || !fs::write_existing(file, "1"))
    log::error("{}: not to be set, so policies do not hold between pods", file);
}

Result<int> enforce_policies(const std::string& file) {
  const std::string text = TRY(fs::read_file(file));
  PolicySettings settings = TRY(policy_settings_from_json(text));
  const Cidr pods = TRY(parse_cidr(settings.pods));
  auto nft = find_program("nft");
  if (!nft) return fail("nft is not installed");
  filter_the_bridge();
  EventLoop loop = TRY(EventLoop::create());
  PodAddresses addresses = TRY(PodAddresses::watch(kCniResults, pods));
  Enforcer enforcer(std::move(loop), std::move(settings), pods, std::move(addresses), std::move(*nft));
  return enforcer.run();
}

}  // namespace

std::string to_json(const PolicySettings& settings) {
  json object;
  for (const Field& field : kFields) object[field.key] = settings.*field.member;
  object["bypass"] = settings.bypass;
  return object.dump();
}

Result<PolicySettings> policy_settings_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  PolicySettings settings;
  for (const Field& field : kFields) {
    if (!object.is_object() || !object.contains(field.key) || !object[field.key].is_string())
      return fail(std::string("no text \"") + field.key + "\"");
    settings.*field.member = object[field.key].get<std::string>();
  }
  if (!object.contains("bypass") || !object["bypass"].is_boolean()) return fail("no boolean \"bypass\"");
  settings.bypass = object["bypass"].get<bool>();
  return settings;
}

int network_policy_main(int argc, char** argv) {
  log::set_up("network-policy", log::Level::kInfo);
  (void)::prctl(PR_SET_NAME, "network-policy");  // it was started by a name that says nothing
  auto status = enforce_policies(argc > 2 ? argv[2] : "");
  if (!status) log::error("{}", to_string(status.error()));
  ::_exit(status ? *status : 1);  // threads may wait for answers
}

}  // namespace sublet::launcher
