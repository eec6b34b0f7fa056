// SPDX-License-Identifier: Apache-2.0
// Sets that a socket is in while it is replaced, and copies of its descriptor.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "tests/support/probe/probe.h"

namespace sublet::probe {
namespace {

constexpr std::uint64_t kData = 0xfedcba9876543210;

struct Order {
  bool first = true;  // into the set before connect
  std::uint32_t events = EPOLLOUT;
  bool inside = false;   // a server on the pod's loopback
  bool through = false;  // put in by a dup'ed descriptor of the set
  bool copy = false;     // under a dup'ed number of the socket
};

std::string control(int set, int what, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = kData;
  return name_of(::epoll_ctl(set, what, fd, &event));
}

std::string wait_for(int set, std::uint32_t wanted) {
  // Before its connect a socket says EPOLLOUT | EPOLLHUP: what is waited for is the connection.
  const Stopwatch watch;
  while (watch.ms() < 3000) {
    epoll_event event{};
    if (::epoll_wait(set, &event, 1, 500) != 1) continue;
    if (event.data.u64 != kData) return "another's data";
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) continue;
    if ((event.events & wanted) != 0) return "event";
  }
  return "no event";
}

std::string watched(const Order& order) {
  const InnerServer inner;
  const Address to = order.inside ? at("127.0.0.1", inner.port()) : at(kServer, kEcho);
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd other(::dup(set.get()));
  const UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
  const UniqueFd twin(::dup(fd.get()));
  const int put = order.through ? other.get() : set.get();
  const int member = order.copy ? twin.get() : fd.get();
  std::string seen;
  if (order.first) seen += control(put, EPOLL_CTL_ADD, member, order.events) + " ";
  const std::string dialled = dial(fd.get(), to);
  seen += dialled == "EINPROGRESS" || dialled == "ok" ? "under way" : dialled;
  if (!order.first) seen += " " + control(put, EPOLL_CTL_ADD, member, order.events);
  seen += " " + wait_for(set.get(), EPOLLOUT);
  seen += " " + outcome(fd.get());
  seen += " " + echo(fd.get());
  (void)::send(fd.get(), "more", 4, 0);
  seen += " " + control(set.get(), EPOLL_CTL_MOD, member, EPOLLIN);
  seen += " " + wait_for(other.get(), EPOLLIN);
  seen += " " + control(set.get(), EPOLL_CTL_DEL, member, 0);
  return seen + " " + control(set.get(), EPOLL_CTL_DEL, member, 0);
}

// A behaviour is a plain function, so its order is a part of its type.
template <Order kOrder>
std::string in_a_set() {
  return watched(kOrder);
}

constexpr const char* kFirst = "ok under way event ok echo ok event ok ENOENT";
constexpr const char* kAfter = "under way ok event ok echo ok event ok ENOENT";
constexpr std::uint32_t kEdge = EPOLLIN | EPOLLOUT | EPOLLET;

// A set that is forgotten by close alone, as most programs do.
std::string closed_without_del() {
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  UniqueFd fd = tcp(AF_INET, SOCK_NONBLOCK);
  (void)control(set.get(), EPOLL_CTL_ADD, fd.get(), EPOLLIN | EPOLLOUT);
  (void)dial(fd.get(), at("127.0.0.1", kClosed));
  fd.reset();
  epoll_event event{};
  return ::epoll_wait(set.get(), &event, 1, 100) == 0 ? "nothing" : "a ghost";
}

// Under the number that a program has free whose standard input was closed.
std::string in_two_sets_as_the_lowest() {
  const InnerServer inner;
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::dup2(tcp(AF_INET, SOCK_NONBLOCK).get(), STDIN_FILENO);
    const UniqueFd sets[] = {UniqueFd(::epoll_create1(EPOLL_CLOEXEC)), UniqueFd(::epoll_create1(EPOLL_CLOEXEC))};
    for (const UniqueFd& set : sets) (void)control(set.get(), EPOLL_CTL_ADD, STDIN_FILENO, EPOLLOUT);
    (void)dial(STDIN_FILENO, at("127.0.0.1", inner.port()));
    int events = 0;
    for (const UniqueFd& set : sets) events += wait_for(set.get(), EPOLLOUT) == "event" ? 1 : 0;
    ::_exit(events);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return fmt::format("{} events", WEXITSTATUS(status));
}

std::string copies(bool inside) {
  const InnerServer inner;
  const UniqueFd fd = tcp(AF_INET, SOCK_CLOEXEC);
  const UniqueFd plain(::dup(fd.get()));
  const UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 200));
  std::string seen = dial(plain.get(), inside ? at("127.0.0.1", inner.port()) : at(kServer, kEcho));
  for (const UniqueFd* each : {&fd, &plain, &high})
    seen += fmt::format(" {} {}", echo(each->get()), ::fcntl(each->get(), F_GETFD));
  return seen;
}

std::string child_connects() {
  const UniqueFd fd = tcp();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(dial(fd.get(), at(kServer, kEcho)) == "ok" ? 0 : 1);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return fmt::format("{} {}", status, echo(fd.get()));
}

// One byte that may carry a descriptor.
struct Parcel {
  Parcel() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
  }
  char byte = 'x';
  iovec data{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
};

std::string passed(int socket, int fd) {
  Parcel parcel;
  cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return name_of(static_cast<int>(::sendmsg(socket, &parcel.message, 0)));
}

int receive(int socket) {
  Parcel parcel;
  int fd = -1;
  if (::recvmsg(socket, &parcel.message, 0) == 1 && CMSG_FIRSTHDR(&parcel.message) != nullptr)
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&parcel.message)), sizeof fd);
  return fd;
}

std::string handed_over() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return "no pair";
  const pid_t child = ::fork();
  if (child == 0) {
    const UniqueFd fd(receive(ends[1]));
    const bool good = dial(fd.get(), at(kServer, kEcho)) == "ok" && echo(fd.get()) == "echo";
    ::_exit(good ? 0 : 1);
  }
  const UniqueFd fd = tcp();
  std::string seen = passed(ends[0], fd.get());
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return fmt::format("{} {} {}", seen, status, echo(fd.get()));
}

constexpr Behaviour kBehaviours[] = {
    {"epoll before, outside", in_a_set<Order{}>, kFirst},
    {"epoll before, inside", in_a_set<Order{.inside = true}>, kFirst},
    {"epoll before, edges, outside", in_a_set<Order{.events = kEdge}>, kFirst},
    {"epoll before, edges, inside", in_a_set<Order{.events = kEdge, .inside = true}>, kFirst},
    {"epoll after, outside", in_a_set<Order{.first = false}>, kAfter},
    {"epoll after, inside", in_a_set<Order{.first = false, .events = kEdge, .inside = true}>, kAfter},
    {"epoll by a copy of the set", in_a_set<Order{.inside = true, .through = true}>, kFirst},
    {"epoll of a copy of the socket", in_a_set<Order{.inside = true, .copy = true}>, kFirst},
    {"epoll by two sets, under the lowest number", in_two_sets_as_the_lowest, "2 events"},
    {"epoll, closed without being taken out", closed_without_del, "nothing"},
    {"copies of a descriptor, outside", [] { return copies(false); }, "ok echo 1 echo 0 echo 1"},
    {"copies of a descriptor, inside", [] { return copies(true); }, "ok echo 1 echo 0 echo 1"},
    {"a child connects its parent's socket", child_connects, "0 echo"},
    {"an unconnected socket handed over", handed_over, "ok 0 echo"},
};

}  // namespace

std::span<const Behaviour> epoll_behaviours() { return kBehaviours; }

}  // namespace sublet::probe
