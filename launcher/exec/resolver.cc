// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/resolver.h"

#include <netinet/in.h>
#include <resolv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/unix_socket.h"
#include "launcher/exec/known_names.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMostQueries = 512;    // under way at once; a further one is told to come again (SERVFAIL)
constexpr std::size_t kMostStandIns = 32;    // a resolv.conf has three
constexpr std::size_t kMostAdmitted = 4096;  // sockets that may ask; the oldest has to connect again
constexpr std::size_t kLargestMessage = 65535;
constexpr std::uint16_t kDnsPort = 53;
// The cluster's server is on this host. One that is silent for so long is gone, or its cluster is.
constexpr std::chrono::milliseconds kClusterPatience{1000};
// glibc itself gives up after 5 s (resolv.conf(5), timeout), and asks again.
constexpr std::chrono::seconds kHostPatience{10};
constexpr std::chrono::milliseconds kBetweenPatrols{50};

bypass::RawAddress address_of(const IpAddress& ip, std::uint16_t port) {
  bypass::RawAddress raw;
  if (ip.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::copy(ip.bytes.begin(), ip.bytes.end(), v6.sin6_addr.s6_addr);
    std::memcpy(&raw.storage, &v6, sizeof v6);
    raw.length = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&raw.storage, &v4, sizeof v4);
    raw.length = sizeof v4;
  }
  return raw;
}

// Family, address and port, for comparing; the same for an IPv4 address and its v4-mapped form.
std::string text_of(const bypass::RawAddress& address) {
  const auto endpoint = bypass::endpoint_of(address);
  if (!endpoint) return {};
  std::string key(reinterpret_cast<const char*>(endpoint->address.bytes.data()), endpoint->address.bits() / 8);
  key += static_cast<char>(endpoint->port >> 8U);
  key += static_cast<char>(endpoint->port & 0xffU);
  return key;
}

// A stand-in has the address of whom it stands for if that is of loopback: some programs look whose answer it is
// (c-ares), though not at the port.
IpAddress local_address(const IpAddress& server) {
  constexpr std::uint8_t kLoopback = 127;
  if (server.v6) return *parse_ip("::1");
  return server.bytes[0] == kLoopback ? server : *parse_ip("127.0.0.1");
}

struct Received {
  bypass::RawAddress client;
  bypass::RawAddress to;  // if the socket tells: port 53 of the address that it was sent to
  std::string_view message;
};

std::optional<Received> receive_question(int socket, std::span<char> buffer) {
  Received got;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control;
  msghdr header{};
  header.msg_name = &got.client.storage;
  header.msg_namelen = sizeof got.client.storage;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(socket, &header, 0);
  if (count < 0) return std::nullopt;
  got.client.length = header.msg_namelen;
  got.message = {buffer.data(), static_cast<std::size_t>(count)};
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    IpAddress to;
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      std::memcpy(to.bytes.data(), &info.ipi_addr, sizeof info.ipi_addr);
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      to.v6 = true;
      std::memcpy(to.bytes.data(), &info.ipi6_addr, sizeof info.ipi6_addr);
    } else {
      continue;
    }
    got.to = address_of(to, kDnsPort);
  }
  return got;
}

template <typename Info>
void put_source(msghdr& header, int level, int type, const Info& info) {
  header.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = level;
  item->cmsg_type = type;
  item->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(item), &info, sizeof info);
}

// Sends as if it were from that address.
void send_from(int socket, const bypass::RawAddress& from, const bypass::RawAddress& to, std::string_view message) {
  const auto source = bypass::endpoint_of(from);
  if (!source) return;
  iovec part{const_cast<char*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  msghdr header{};
  header.msg_name = const_cast<sockaddr_storage*>(&to.storage);
  header.msg_namelen = to.length;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  if (source->address.v6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source->address.bytes.data(), sizeof info.ipi6_addr);
    put_source(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source->address.bytes.data(), sizeof info.ipi_spec_dst);
    put_source(header, IPPROTO_IP, IP_PKTINFO, info);
  }
  (void)::sendmsg(socket, &header, MSG_NOSIGNAL);
}

}  // namespace

std::vector<std::string> host_search_domains() {
  struct __res_state state {};
  std::vector<std::string> domains;
  if (::res_ninit(&state) != 0) return domains;
  for (std::size_t i = 0; i < MAXDNSRCH && state.dnsrch[i] != nullptr; ++i) {
    std::string domain = state.dnsrch[i];
    while (domain.ends_with('.')) domain.pop_back();
    for (char& c : domain)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!domain.empty()) domains.push_back(std::move(domain));
  }
  ::res_nclose(&state);
  return domains;
}

Result<std::unique_ptr<Resolver>> Resolver::start(ResolverPlan plan, SocketStore& store) {
  std::unique_ptr<Resolver> resolver(new Resolver(std::move(plan), store));
  resolver->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  resolver->wake_.fd = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!resolver->epoll_ || !resolver->wake_.fd || !resolver->watch(resolver->wake_))
    return fail_errno("starting the resolver");
  resolver->door_.fd = std::move(resolver->plan_.nook_door);
  if (resolver->door_.fd && !resolver->watch(resolver->door_)) return fail_errno("starting the resolver");
  if (::getrandom(&resolver->next_id_, sizeof resolver->next_id_, 0) < 0) return fail_errno("getrandom");
  resolver->thread_ = std::thread([raw = resolver.get()] { raw->work(); });
  return resolver;
}

Resolver::~Resolver() {
  stopping_ = true;
  (void)::eventfd_write(wake_.fd.get(), 1);
  if (thread_.joinable()) thread_.join();
}

bool Resolver::watch(Source& source) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &source;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, source.fd.get(), &event) == 0;
}

std::optional<bypass::RawAddress> Resolver::stand_in_for(const bypass::RawAddress& server, int domain) {
  const auto endpoint = bypass::endpoint_of(server);
  if (!endpoint) return std::nullopt;
  const std::string key = text_of(server);
  std::lock_guard lock(mutex_);
  auto found = std::find_if(stand_ins_.begin(), stand_ins_.end(),
                            [&](const auto& each) { return text_of(each->server) == key; });
  if (found == stand_ins_.end()) {
    if (stand_ins_.size() >= kMostStandIns) return std::nullopt;
    auto made = std::make_unique<StandIn>();
    made->kind = SourceKind::kStandIn;
    made->server = endpoint->mapped ? address_of(endpoint->address, endpoint->port) : server;
    made->own = address_of(local_address(endpoint->address), 0);
    made->fd = UniqueFd(::socket(made->own.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    made->own.length = sizeof made->own.storage;
    const auto size =
        static_cast<socklen_t>(made->own.family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (!made->fd || ::bind(made->fd.get(), made->own.get(), size) != 0 ||
        ::getsockname(made->fd.get(), reinterpret_cast<sockaddr*>(&made->own.storage), &made->own.length) != 0 ||
        !watch(*made))
      return std::nullopt;
    stand_ins_.push_back(std::move(made));
    found = stand_ins_.end() - 1;
  }
  const auto own = bypass::endpoint_of((*found)->own);
  if (domain == (*found)->own.family()) return (*found)->own;
  if (domain != AF_INET6 || own->address.v6) return std::nullopt;
  // A v4-mapped one, for a socket of both families.
  IpAddress mapped;
  mapped.v6 = true;
  mapped.bytes[10] = mapped.bytes[11] = 0xff;
  std::copy_n(own->address.bytes.begin(), 4, mapped.bytes.begin() + 12);
  return address_of(mapped, own->port);
}

void Resolver::admit(const bypass::RawAddress& client) {
  std::string key = text_of(client);
  std::lock_guard lock(mutex_);
  if (!admitted_.insert(key).second) return;
  admitted_order_.push_back(std::move(key));
  if (admitted_order_.size() <= kMostAdmitted) return;
  admitted_.erase(admitted_order_.front());
  admitted_order_.pop_front();
}

bool Resolver::is_admitted(const bypass::RawAddress& client) {
  const std::string key = text_of(client);
  std::lock_guard lock(mutex_);
  return admitted_.contains(key);
}

void Resolver::work() {
  std::array<epoll_event, 64> events;
  Clock::time_point patrolled = plan_.now();
  while (!stopping_) {
    const int timeout = queries_.empty() ? -1 : static_cast<int>(kBetweenPatrols.count());
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) {
      auto* source = static_cast<Source*>(events[static_cast<std::size_t>(i)].data.ptr);
      switch (source->kind) {
        case SourceKind::kWake: break;
        case SourceKind::kDoor: on_door(); break;
        case SourceKind::kStandIn: on_questions(*static_cast<StandIn*>(source)); break;
        case SourceKind::kCluster: on_cluster(); break;
        // Those that an earlier event of this round has ended are still in memory, without a descriptor.
        case SourceKind::kUpstream: on_upstream(*static_cast<Upstream*>(source)->query); break;
      }
    }
    std::erase_if(queries_, [](const auto& query) { return query->at == nullptr; });
    if (plan_.now() - patrolled < kBetweenPatrols) continue;
    patrolled = plan_.now();
    patrol();
  }
}

// The nook's name server comes, or the nook has ended.
void Resolver::on_door() {
  auto message = receive_message(door_.fd.get());
  if (!message || message->end) return door_.fd.reset();
  for (UniqueFd& fd : message->fds) {
    auto server = std::make_unique<StandIn>();
    server->kind = SourceKind::kStandIn;
    server->fd = std::move(fd);
    server->in_nook = true;
    if (watch(*server)) nook_.push_back(std::move(server));
  }
}

void Resolver::on_questions(StandIn& at) {
  std::array<char, kLargestMessage> buffer;
  constexpr int kAtOnce = 64;  // then others have their turn
  for (int i = 0; i < kAtOnce; ++i) {
    const auto got = receive_question(at.fd.get(), buffer);
    if (!got) return;
    // Nobody is in the nook but whom we have put there.
    if (at.in_nook)
      on_question(at, got->client, got->to, got->message);
    else if (is_admitted(got->client))
      on_question(at, got->client, at.server, got->message);
  }
}

void Resolver::on_question(StandIn& at, const bypass::RawAddress& client, const bypass::RawAddress& server,
                           std::string_view message) {
  if (message.size() < kDnsHeader) return;
  auto query = std::make_unique<Query>();
  query->at = &at;
  query->client = client;
  query->server = server;
  query->message = message;
  query->question = parse_question(message);
  query->upstream.query = query.get();
  query->began = plan_.now();
  if (queries_.size() >= kMostQueries) {
    if (query->question) answer(*query, make_empty_answer(*query->question, DnsCode::kFailure));
    return;
  }
  ClusterNames names;
  if (query->question && !query->question->name.empty()) names = cluster_names(query->question->name, plan_.rules);
  query->candidates = std::move(names.candidates);
  query->lookup = Lookup(query->candidates.size(), names.exclusive);
  queries_.push_back(std::move(query));
  Query& kept = *queries_.back();
  if (!kept.candidates.empty()) ask_cluster(kept);
  conclude(kept);
  if (kept.at == nullptr) return;  // what is remembered was enough
  if (!names.exclusive) ask_host(kept);
  conclude(kept);
}

// Asked of the same server in the very same way: case, flags, options (RFC 6891) and all.
std::string Resolver::key_of(const Query& query) {
  return text_of(query.server) + query.message.substr(sizeof query.question->id);
}

void Resolver::ask_host(Query& query) {
  const bypass::RawAddress& server = query.server;
  if (server.length == 0) return;
  if (query.question)
    if (const std::string* said = host_said_.find(key_of(query), plan_.now()))
      return query.lookup.host_answered(with_id(*said, query.question->id));
  // A socket of its own for each question: its port is one that nobody could guess (RFC 5452 §4.5).
  UniqueFd socket(::socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), server.get(), server.length) != 0 ||
      ::send(socket.get(), query.message.data(), query.message.size(), MSG_NOSIGNAL) < 0)
    return;  // as if it were lost: whoever asks will ask again
  query.upstream.fd = std::move(socket);
  if (!watch(query.upstream)) query.upstream.fd.reset();
}

void Resolver::on_upstream(Query& query) {
  if (query.at == nullptr || !query.upstream.fd) return;
  std::array<char, kLargestMessage> buffer;
  const ssize_t count = ::recv(query.upstream.fd.get(), buffer.data(), buffer.size(), 0);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    // Nobody listens there (ECONNREFUSED). The program would hear of it, and go on to its next server.
    query.upstream.fd.reset();
    if (query.question) query.lookup.host_answered(make_empty_answer(*query.question, DnsCode::kFailure));
    return conclude(query);
  }
  const std::string_view message(buffer.data(), static_cast<std::size_t>(count));
  if (query.question && !answers_question(message, query.question->id, query.question->raw)) return;
  if (query.question) host_said_.keep(key_of(query), message, plan_.now());
  query.lookup.host_answered(std::string(message));
  conclude(query);
}

bool Resolver::connect_cluster() {
  if (cluster_.fd) return true;
  UniqueFd socket = store_.take(SocketKind::kUdp4);
  const bypass::RawAddress server = address_of(plan_.cluster_server, plan_.cluster_port);
  if (!socket || ::connect(socket.get(), server.get(), server.length) != 0) return false;
  cluster_.fd = std::move(socket);
  if (!watch(cluster_)) cluster_.fd.reset();
  return static_cast<bool>(cluster_.fd);
}

void Resolver::ask_cluster(Query& query) {
  if (store_.is_over()) {
    cluster_.fd.reset();
    cluster_said_.clear();
    return query.lookup.cluster_is_silent();
  }
  const ServiceNames* services = plan_.services ? plan_.services->names() : nullptr;
  const Clock::time_point now = plan_.now();
  for (std::size_t i = 0; i < query.candidates.size(); ++i) {
    if (services != nullptr) {
      auto known = known_answer(*services, query.candidates[i], plan_.rules.domain, query.question->type,
                                query.question->dns_class);
      if (known) {
        query.lookup.cluster_answered(i, std::move(*known));
        continue;
      }
    }
    std::string key = query.candidates[i] + " " + std::to_string(query.question->type) + " " +
                      std::to_string(query.question->dns_class);
    const std::string* said = cluster_said_.find(key, now);
    if (auto answer = said != nullptr ? parse_answer(*said) : std::nullopt) {
      query.lookup.cluster_answered(i, std::move(*answer));
      continue;
    }
    if (!connect_cluster()) return query.lookup.cluster_is_silent();
    while (asked_.contains(next_id_)) ++next_id_;
    const std::uint16_t id = next_id_++;
    const auto message = make_query(id, query.candidates[i], query.question->type, query.question->dns_class);
    if (!message || ::send(cluster_.fd.get(), message->data(), message->size(), MSG_NOSIGNAL) < 0)
      return query.lookup.cluster_is_silent();
    asked_[id] = {&query, i, std::move(key)};
    query.ids.push_back(id);
  }
}

void Resolver::on_cluster() {
  std::array<char, kLargestMessage> buffer;
  for (;;) {
    const ssize_t count = ::recv(cluster_.fd.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      // It is being started again, or gone. What is under way ends by its time.
      if (errno != EINTR) return cluster_.fd.reset();
      continue;
    }
    const std::string_view message(buffer.data(), static_cast<std::size_t>(count));
    auto got = parse_answer(message);
    if (!got) continue;
    const auto found = asked_.find(got->id);
    if (found == asked_.end()) continue;
    const Asked asked = std::move(found->second);
    asked_.erase(found);
    cluster_said_.keep(asked.key, message, plan_.now());
    asked.query->lookup.cluster_answered(asked.candidate, std::move(*got));
    conclude(*asked.query);
  }
}

void Resolver::conclude(Query& query) {
  if (query.at == nullptr) return;
  const Lookup::Verdict verdict = query.lookup.verdict();
  switch (verdict.kind) {
    case Lookup::Verdict::Kind::kWait: return;
    case Lookup::Verdict::Kind::kHost: answer(query, query.lookup.of_host()); break;
    case Lookup::Verdict::Kind::kNoAnswer: answer(query, make_empty_answer(*query.question, DnsCode::kFailure)); break;
    case Lookup::Verdict::Kind::kCluster: {
      const auto asked = wire_name(query.candidates[verdict.candidate]);
      answer(query, make_answer(*query.question, query.lookup.of(verdict.candidate), asked ? *asked : ""));
      break;
    }
  }
  forget(query);
}

void Resolver::answer(const Query& query, std::string_view message) {
  // One that is lost is asked for again.
  if (query.at->in_nook) return send_from(query.at->fd.get(), query.server, query.client, message);
  (void)::sendto(query.at->fd.get(), message.data(), message.size(), MSG_NOSIGNAL, query.client.get(),
                 query.client.length);
}

void Resolver::forget(Query& query) {
  for (const std::uint16_t id : query.ids) asked_.erase(id);
  query.upstream.fd.reset();
  query.at = nullptr;  // its memory goes when no event of this round can be about it
}

void Resolver::patrol() {
  const Clock::time_point now = plan_.now();
  for (const auto& query : queries_) {
    if (query->at == nullptr) continue;
    if (now - query->began > kClusterPatience) {
      query->lookup.cluster_is_silent();
      conclude(*query);
    }
    if (query->at != nullptr && now - query->began > kHostPatience) forget(*query);
  }
  std::erase_if(queries_, [](const auto& query) { return query->at == nullptr; });
}

}  // namespace sublet::launcher
