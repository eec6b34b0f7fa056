// SPDX-License-Identifier: Apache-2.0
// Many threads, few descriptors, other programs, other namespaces, another ABI.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/net.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/support/probe/probe.h"

extern char** environ;

namespace sublet::probe {
namespace {

std::string thousand_threads() {
  constexpr int kThreads = 1000;
  std::atomic<int> echoes{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::string other;
  std::atomic<bool> told{false};
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      const UniqueFd fd = tcp();
      const std::string dialled = dial(fd.get(), at(kServer, kEcho));
      const std::string seen = dialled == "ok" ? echo(fd.get()) : dialled;
      if (seen == "echo")
        ++echoes;
      else if (!told.exchange(true))
        other = seen;
    });
  for (std::thread& thread : threads) thread.join();
  return fmt::format("{} {}", echoes.load(), other);
}

std::string few_descriptors() {
  rlimit limit{};
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 16;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<UniqueFd> sockets;
  std::string last;
  for (;;) {
    sockets.push_back(tcp());
    if (!sockets.back()) break;
    (void)dial(sockets.back().get(), at(kServer, kEcho));
  }
  last = name_of(-1);
  sockets.pop_back();
  if (sockets.empty()) return "none";
  const int highest = sockets.back().get();
  sockets.pop_back();
  const UniqueFd again = tcp();
  return fmt::format("{} {} {}", highest, last, dial(again.get(), at("127.0.0.1", kClosed)));
}

std::string spawned() {
  char self[] = "/proc/self/exe";
  char mode[] = "once";
  char* arguments[] = {self, mode, nullptr};
  pid_t child = -1;
  if (const int error = ::posix_spawn(&child, self, nullptr, nullptr, arguments, environ); error != 0)
    return "no spawn";
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return fmt::format("{}", status);
}

// vfork shares memory and, with CLONE_FILES, descriptors: the child's connect is the parent's.
int child_of_clone(void* fd) {
  const std::string dialled = dial(*static_cast<int*>(fd), at(kServer, kEcho));
  return dialled == "ok" ? 0 : 1;
}

std::string shared_table() {
  static char stack[262144];
  UniqueFd fd = tcp();
  int number = fd.get();
  const pid_t child =
      ::clone(child_of_clone, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD, &number);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return fmt::format("{} {}", status, echo(fd.get()));
}

std::string own_namespace() {
  const UniqueFd before = tcp();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return "cannot unshare: " + name_of(-1);
  const UniqueFd fd = tcp();
  std::string seen = dial(fd.get(), at(kServer, kEcho));
  const UniqueFd server = tcp();
  const Address any = at("0.0.0.0", 0);
  seen += " " + name_of(::bind(server.get(), any.get(), any.length));
  seen += " " + name_of(::listen(server.get(), 1));
  seen += " " + dial(fd.get(), at("127.0.0.1", own_port(server.get())));
  return seen + " " + dial_and_echo(before.get(), at(kServer, kEcho));
}

#ifdef __x86_64__
long in_32_bits(long number, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  long result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

std::string result_of(long result) {
  errno = static_cast<int>(-result);
  return name_of(result < 0 ? -1 : 0);
}

std::string narrow() {
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return "no low memory";
  auto* words = static_cast<std::uint32_t*>(low);
  auto* address = static_cast<char*>(low) + 64;
  const auto words_at = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(words));
  const auto address_at = words_at + 64;
  auto place = [&](const Address& to) { std::memcpy(address, &to.storage, to.length); };
  auto put = [&](int fd, std::uint32_t a, std::uint32_t b) {
    words[0] = static_cast<std::uint32_t>(fd);
    words[1] = a;
    words[2] = b;
  };
  constexpr long kSocketcall = 102;
  constexpr long kConnect = 362;
  std::string seen;
  const UniqueFd one = tcp();
  place(at(kServer, kEcho));
  put(one.get(), address_at, 16);
  seen += result_of(in_32_bits(kSocketcall, SYS_CONNECT, words_at, 0));
  seen += " " + echo(one.get());
  const UniqueFd two = tcp();
  place(at(kServer, kClosed));
  seen += " " + result_of(in_32_bits(kConnect, static_cast<std::uint32_t>(two.get()), address_at, 16));
  const UniqueFd three = tcp();
  place(at("0.0.0.0", 0));
  put(three.get(), address_at, 16);
  seen += " " + result_of(in_32_bits(kSocketcall, SYS_BIND, words_at, 0));
  seen += " " + result_of(in_32_bits(kSocketcall, SYS_LISTEN, words_at, 0));
  const InnerServer inner;
  place(at("127.0.0.1", inner.port()));
  put(AF_INET, SOCK_STREAM, 0);
  const UniqueFd four(static_cast<int>(in_32_bits(kSocketcall, SYS_SOCKET, words_at, 0)));
  put(four.get(), address_at, 16);
  seen += " " + result_of(in_32_bits(kSocketcall, SYS_CONNECT, words_at, 0));
  seen += " " + echo(four.get());
  return seen + " " + result_of(in_32_bits(kSocketcall, SYS_CONNECT, 8, 0));
}
#else
std::string narrow() { return "ok echo ECONNREFUSED ok ok ok echo EFAULT"; }
#endif

constexpr Behaviour kBehaviours[] = {
    {"1,000 threads", thousand_threads, "1000 "},
    {"few descriptors", few_descriptors, "15 EMFILE ECONNREFUSED"},
    {"posix_spawn", spawned, "0"},
    {"clone with CLONE_FILES", shared_table, "0 echo"},
    {"a network namespace of its own", own_namespace, "ENETUNREACH ok ok ENETUNREACH ok echo"},
    {"calls of 32 bits", narrow, "ok echo ECONNREFUSED ok ok ok echo EFAULT"},
};

}  // namespace

std::span<const Behaviour> process_behaviours() { return kBehaviours; }

int once() {
  const UniqueFd fd = tcp();
  return dial(fd.get(), at(kServer, kEcho)) == "ok" && echo(fd.get()) == "echo" ? 0 : 1;
}

}  // namespace sublet::probe
