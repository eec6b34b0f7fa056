// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/board.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/strings.h"
#include "base/sys.h"
#include "base/unix_socket.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Changes come in bunches: a rollout is many.
constexpr milliseconds kBunch{5};
// A Service that was made a moment ago may not have come here yet.
constexpr milliseconds kForService{1000};
constexpr milliseconds kForAnswer{5000};
constexpr milliseconds kLook{50};

std::string error_text(const Error& error) {
  return json{{"error", error.what}, {"hint", error.hint}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

json row_of(const WantedPort& wanted, const bypass::PortState* state) {
  const bool had = state != nullptr && state->port != 0;
  const std::string error = !wanted.error.empty() ? wanted.error : state != nullptr ? state->error : "";
  return {{"key", wanted.host.key},
          {"kind", name_of(wanted.kind)},
          {"namespace", wanted.ns},
          {"name", wanted.name},
          {"service_port", wanted.port},
          {"port_name", wanted.port_name},
          {"address", had ? state->address : ""},
          {"port", had ? state->port : 0},
          {"public", wanted.host.open},
          {"endpoints", wanted.host.endpoints.size()},
          {"error", error}};
}

const bypass::PortState* find(const std::map<std::string, bypass::PortState>& states, const std::string& key) {
  const auto found = states.find(key);
  return found == states.end() ? nullptr : &found->second;
}

template <typename Object>
std::string uid_of(const std::vector<Object>& objects, const WantedPort& wanted) {
  for (const Object& each : objects)
    if (each.ns == wanted.ns && each.name == wanted.name) return each.uid;
  return "";
}

std::optional<NamesWriter> names_writer() {
  auto writer = NamesWriter::create();
  if (writer) return std::move(*writer);
  log::warning("{}", writer.error().what);
  return std::nullopt;
}

}  // namespace

PortBoard::PortBoard(EventLoop& loop, Plan plan)
    : loop_(loop),
      plan_(std::move(plan)),
      names_(names_writer()),
      store_([this] { plan_.post([this] { soon(); }); }, plan_.policies, [this](const auto* all) { tell_names(all); }),
      announcer_(plan_.api),
      followers_(std::make_unique<Followers>(plan_.api, store_, plan_.policies)) {}

PortBoard::~PortBoard() { followers_.reset(); }

// At once, and not in bunches: a program may ask for a Service as soon as it has been made.
void PortBoard::tell_names(const std::map<std::string, ServiceObject>* services) {
  if (!names_) return;
  std::string text = services != nullptr ? to_text(*services) : "";
  if (services == nullptr)
    names_->forget();
  else if (!names_known_ || text != names_text_)
    names_->write(text);
  names_known_ = services != nullptr;
  names_text_ = std::move(text);
}

UniqueFd PortBoard::names() const {
  auto shared = names_ ? names_->share() : Result<UniqueFd>(UniqueFd());
  return shared ? std::move(*shared) : UniqueFd();
}

void PortBoard::soon() {
  if (soon_.active()) return;
  auto timer = loop_.after(kBunch, [this] {
    soon_.reset();
    update();
  });
  if (timer) soon_ = std::move(*timer);
}

void PortBoard::update() {
  auto world = store_.world();
  if (!world) return;
  world_ = std::move(*world);
  std::map<std::string, std::string> before;
  for (const WantedPort& each : wanted_) before[each.host.key] = each.error;
  wanted_ = wanted_ports(*world_, exposed_, plan_.settings, last_);
  for (const WantedPort& each : wanted_) {
    const auto known = before.find(each.host.key);
    if (!each.error.empty() && (known == before.end() || known->second != each.error)) tell_event(each, each.error);
  }
  send();
  announce();
  answer_pending();
}

void PortBoard::send() {
  if (!broker_ || !world_) return;
  std::vector<bypass::HostPort> table;
  for (const WantedPort& each : wanted_)
    if (each.error.empty() && table.size() < bypass::kMostPorts) table.push_back(each.host);
  std::erase_if(states_, [&](const auto& state) {
    return std::none_of(table.begin(), table.end(), [&](const auto& port) { return port.key == state.first; });
  });
  std::string text = to_json(table);
  if (text == sent_) return;
  const auto memory = sys::sealed_memfd("ports", text);
  if (!memory) return log::warning("ports: {}", memory.error().what);
  // One that does not read its socket is about to end, and the next one is told anew.
  if (auto sent = send_message(broker_.get(), "table", {memory->get()}); !sent)
    return log::warning("telling the broker of ports: {}", sent.error().what);
  sent_ = std::move(text);
}

void PortBoard::connect(UniqueFd broker) {
  broker_watch_.reset();
  broker_ = std::move(broker);
  sent_.clear();
  if (!sys::set_nonblocking(broker_.get(), true)) return broker_.reset();
  auto watch = loop_.on_fd(broker_.get(), EPOLLIN, [this](std::uint32_t) { on_broker(); });
  if (!watch) return broker_.reset();
  broker_watch_ = std::move(*watch);
  update();
}

void PortBoard::on_broker() {
  auto message = receive_message(broker_.get());
  if (!message && message.error().is(EAGAIN)) return;
  if (!message || message->end) {  // the launcher starts another one
    broker_watch_.reset();
    return broker_.reset();
  }
  auto state = bypass::port_state_from_json(message->text);
  if (!state) return log::warning("of the broker: {}", state.error().what);
  on_state(std::move(*state));
}

void PortBoard::on_state(bypass::PortState state) {
  const auto wanted =
      std::find_if(wanted_.begin(), wanted_.end(), [&](const WantedPort& each) { return each.host.key == state.key; });
  if (wanted == wanted_.end()) return;  // it has gone meanwhile
  bypass::PortState& known = states_[state.key];
  if (!state.error.empty() && known.error != state.error) tell_event(*wanted, state.error);
  if (state.error.empty() && !known.error.empty()) plan_.say(fmt::format("{}: it has its port now", state.key));
  known = std::move(state);
  if (known.port != 0 && wanted->host.wanted == 0) last_[known.key] = known.port;
  announce();
  answer_pending();
}

// To the launcher's terminal or log, and where a user of Kubernetes looks: `kubectl describe` of the Service or the
// pod.
void PortBoard::tell_event(const WantedPort& wanted, const std::string& why) {
  plan_.say(fmt::format("{}: no port of the host: {}", wanted.host.key, why));
  // Whoever asks for `expose` is told himself.
  if (wanted.kind == PortKind::kExpose) return;
  const bool of_pod = wanted.kind == PortKind::kHostPort;
  const std::string uid = of_pod ? uid_of(world_->pods, wanted) : uid_of(world_->services, wanted);
  if (uid.empty()) return;
  const std::string now = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  const json event = {{"apiVersion", "v1"},
                      {"kind", "Event"},
                      {"metadata", {{"generateName", wanted.name + "-"}, {"namespace", wanted.ns}}},
                      {"involvedObject",
                       {{"apiVersion", "v1"},
                        {"kind", of_pod ? "Pod" : "Service"},
                        {"namespace", wanted.ns},
                        {"name", wanted.name},
                        {"uid", uid}}},
                      {"type", "Warning"},
                      {"reason", "NoHostPort"},
                      {"message", fmt::format("{} port {}: {}", name_of(wanted.kind), wanted.port, why)},
                      {"source", {{"component", "sublet"}}},
                      {"firstTimestamp", now},
                      {"lastTimestamp", now},
                      {"count", 1}};
  announcer_.post(fmt::format("/api/v1/namespaces/{}/events", wanted.ns),
                  event.dump(-1, ' ', false, json::error_handler_t::replace));
}

void PortBoard::ask(const std::string& request, Answer answer) {
  auto read = expose_request_from_json(request);
  if (!read) return answer(error_text(read.error()));
  if (read->action == "list") return answer(list());
  if (read->action == "remove") {
    const std::string removed = remove(*read);
    update();
    return answer(removed);
  }
  if (read->action != "expose") return answer(error_text(fail("unknown action " + read->action).value()));
  pending_.push_back({std::move(*read), std::move(answer), Clock::now(), {}, {}});
  answer_pending();
}

void PortBoard::answer_pending() {
  for (auto each = pending_.begin(); each != pending_.end();) {
    if (auto text = answer_to(*each)) {
      each->answer(*text);
      each = pending_.erase(each);
      continue;
    }
    // Whatever it waits for may also not come.
    if (auto timer = loop_.after(kLook, [this] { answer_pending(); })) each->timer = std::move(*timer);
    ++each;
  }
}

std::optional<std::string> PortBoard::answer_to(Pending& pending) {
  if (!pending.key)
    if (auto answer = begin(pending); answer || !pending.key) return answer;
  const auto wanted = std::find_if(wanted_.begin(), wanted_.end(),
                                   [&](const WantedPort& each) { return each.host.key == *pending.key; });
  const bypass::PortState* state = find(states_, *pending.key);
  const bool as_asked = state != nullptr && (wanted == wanted_.end() || wanted->host.wanted == 0 ||
                                             state->port == wanted->host.wanted || state->port == 0);
  if (wanted != wanted_.end() && as_asked && state->port != 0)
    return row_of(*wanted, state).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string error = wanted != wanted_.end() ? wanted->error : "it is not wanted any more";
  if (error.empty() && state != nullptr) error = state->error;
  if (error.empty() && Clock::now() - pending.began > kForAnswer) error = "the broker does not answer";
  if (error.empty()) return std::nullopt;
  // Whoever asked hears of it; it is not tried again behind his back.
  undo(pending);
  const std::size_t hint = error.find("; ");
  return error_text(Error{error.substr(0, hint), hint == std::string::npos ? "" : error.substr(hint + 2), {}, {}});
}

// The port that is meant, once it is known; or why there is none.
std::optional<std::string> PortBoard::begin(Pending& pending) {
  const ExposeRequest& request = pending.request;
  const auto waited = Clock::now() - pending.began;
  if (!world_) {
    if (waited < kForAnswer) return std::nullopt;
    return error_text(fail("the cluster's Services have not been read yet", "is its API server well?").value());
  }
  const auto service = std::find_if(world_->services.begin(), world_->services.end(), [&](const ServiceObject& each) {
    return each.ns == request.ns && each.name == request.service.name;
  });
  if (service == world_->services.end()) {
    if (waited < kForService) return std::nullopt;
    return error_text(fail(fmt::format("there is no Service {} in namespace {}", request.service.name, request.ns),
                           "`sublet kubectl get services -A` lists them")
                          .value());
  }
  const auto port = choose_port(*service, request.service.port);
  if (!port) return error_text(port.error());
  const auto same = [&](const Exposed& each) {
    return each.ns == request.ns && each.name == request.service.name && each.port == port->port;
  };
  const Exposed wish{request.ns, request.service.name, port->port, request.wanted, request.open};
  pending.key = key_of(PortKind::kExpose, wish.ns, wish.name, wish.port);
  // Once more: the same port, unless another one is asked for.
  if (const auto known = std::find_if(exposed_.begin(), exposed_.end(), same); known != exposed_.end()) {
    // Of several who ask at once, all go back to what was before the first.
    const auto first = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const Pending& each) { return &each != &pending && each.key == pending.key; });
    pending.before = first != pending_.end() ? first->before : *known;
    if (wish.wanted != 0 && wish.wanted != known->wanted) states_.erase(*pending.key);
    const std::uint16_t wanted_before = known->wanted;
    *known = wish;
    if (wish.wanted == 0) known->wanted = wanted_before;
  } else {
    exposed_.push_back(wish);
  }
  wanted_ = wanted_ports(*world_, exposed_, plan_.settings, last_);
  send();
  return std::nullopt;
}

// As it was before somebody asked.
void PortBoard::undo(const Pending& pending) {
  std::erase_if(exposed_, [&](const Exposed& each) {
    return key_of(PortKind::kExpose, each.ns, each.name, each.port) == *pending.key;
  });
  if (pending.before) exposed_.push_back(*pending.before);
  states_.erase(*pending.key);
  soon();
}

std::string PortBoard::remove(const ExposeRequest& request) {
  const auto number = parse_int<std::uint16_t>(request.service.port);
  const auto meant = [&](const Exposed& each) {
    if (each.ns != request.ns || each.name != request.service.name) return false;
    if (request.service.port.empty() || (number && *number == each.port)) return true;
    const auto wanted = std::find_if(wanted_.begin(), wanted_.end(), [&](const WantedPort& port) {
      return port.host.key == key_of(PortKind::kExpose, each.ns, each.name, each.port);
    });
    return wanted != wanted_.end() && wanted->port_name == request.service.port;
  };
  const std::size_t count = std::erase_if(exposed_, meant);
  if (count == 0)
    return error_text(fail(fmt::format("Service {}/{} is not exposed", request.ns, request.service.name),
                           "`sublet expose` lists those that are")
                          .value());
  soon();
  return json{{"removed", count}}.dump();
}

std::string PortBoard::list() const {
  json rows = json::array();
  std::size_t bytes = 0;
  for (const WantedPort& each : wanted_) {
    json row = row_of(each, find(states_, each.host.key));
    bytes += row.dump(-1, ' ', false, json::error_handler_t::replace).size() + 1;
    if (bytes > kMaxMessageBytes - 1024) break;
    rows.push_back(std::move(row));
  }
  const std::size_t left_out = wanted_.size() - rows.size();
  return json{{"ports", std::move(rows)}, {"left_out", left_out}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The address of a LoadBalancer is the host's, once all its ports are had there.
void PortBoard::announce() {
  if (!world_) return;
  std::erase_if(announced_, [&](const auto& each) {
    return std::none_of(world_->services.begin(), world_->services.end(),
                        [&](const ServiceObject& service) { return service.uid == each.first; });
  });
  for (const ServiceObject& service : world_->services) {
    if (service.type != "LoadBalancer" || !service.load_balancer_class.empty()) continue;
    std::string address;
    bool all = true;
    for (const WantedPort& each : wanted_) {
      if (each.kind != PortKind::kLoadBalancer || each.ns != service.ns || each.name != service.name) continue;
      const bypass::PortState* state = find(states_, each.host.key);
      if (state != nullptr && state->port != 0) address = state->address;
      all = all && each.error.empty() && state != nullptr && state->port != 0;
    }
    const bool known = std::any_of(wanted_.begin(), wanted_.end(), [&](const WantedPort& each) {
      return each.ns == service.ns && each.name == service.name && find(states_, each.host.key) != nullptr;
    });
    if (!known && broker_) continue;  // the broker has yet to say
    if (!all) address.clear();
    const std::vector<std::string> ingress = address.empty() ? std::vector<std::string>{} : std::vector{address};
    std::string& told = announced_[service.uid];
    if (ingress == service.ingress) {
      told = address + ".";
      continue;
    }
    if (told == address + ".") continue;  // on its way
    told = address + ".";
    json list = json::array();
    // Not "VIP": kube-proxy would take the host's address for the Service's own, and whatever else the host has there.
    if (!address.empty()) list.push_back({{"ip", address}, {"ipMode", "Proxy"}});
    announcer_.patch(fmt::format("/api/v1/namespaces/{}/services/{}/status", service.ns, service.name),
                     json{{"status", {{"loadBalancer", {{"ingress", std::move(list)}}}}}}.dump());
  }
}

}  // namespace sublet::launcher
