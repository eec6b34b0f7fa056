// SPDX-License-Identifier: Apache-2.0
// The filter on a real kernel: programs that give files and themselves away, in a user namespace of one id.
#include "launcher/oci/fake_ids.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>

#include "base/fs.h"
#include "base/process.h"
#include "base/sys.h"

using namespace sublet;
using namespace sublet::launcher;

namespace {

Result<void> map_one_id(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  TRY(fs::write_existing(proc + "/setgroups", "deny"));
  TRY(fs::write_existing(proc + "/uid_map", "0 " + std::to_string(::getuid()) + " 1\n"));
  return fs::write_existing(proc + "/gid_map", "0 " + std::to_string(::getgid()) + " 1\n");
}

struct Sandbox {
  Sandbox() : dir(take(fs::ScopedTempDir::create())) {}

  // Runs a script as root of a namespace that has no other user. `id_limit` 0: without the filter.
  Output shell(const std::string& script, std::uint32_t id_limit) {
    Command command;
    command.argv = {"/bin/sh", "-euc", script};
    command.cwd = dir.path();
    command.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
    command.namespaces = CLONE_NEWUSER | CLONE_NEWNS;
    command.when_created = map_one_id;
    command.become_root = true;
    if (id_limit != 0) command.seccomp_filter = fake_ids_filter(id_limit);
    auto output = run(std::move(command), 20000);
    if (!output) FAIL(to_string(output.error()));
    return std::move(*output);
  }

  fs::ScopedTempDir dir;
};

void check_script(const Output& output, const std::string& expected) {
  INFO(output.err);
  CHECK(output.status.describe() == "exit status 0");
  CHECK(output.out == expected);
}

}  // namespace

TEST_CASE("fake_ids: without the filter another owner is refused", "[oci]") {
  Sandbox s;
  Output output = s.shell("touch f; chown 33:33 f", 0);
  CHECK_FALSE(output.status.success());
  CHECK_THAT(output.err, Catch::Contains("Invalid argument"));
}

TEST_CASE("fake_ids: chown answers success, the file stays ours, real errors stay", "[oci]") {
  Sandbox s;
  check_script(s.shell("touch f; ln -s f l; chown 33:44 f; chown -h 33:33 l; chgrp 5 f; stat -c %u:%g f", 1), "0:0\n");
  CHECK_FALSE(s.shell("chown 0:0 missing", 1).status.success());
  check_script(s.shell("touch f; chmod 4755 f; chown 0:0 f; stat -c %a f", 1), "755\n");
}

TEST_CASE("fake_ids: an archive of several owners unpacks, set-id bits and modes included", "[oci]") {
  Sandbox s;
  check_script(s.shell("mkdir a; echo 1 > a/x; echo 2 > a/y; chmod 4711 a/y;"
                       "tar --owner=33 --group=44 -cf 1.tar a/x; tar --owner=1000 --group=1000 -cf 2.tar a/y; rm -r a;"
                       "tar --same-owner --numeric-owner -xf 1.tar; tar --same-owner --numeric-owner -xpf 2.tar;"
                       "cat a/x a/y; stat -c %u:%g:%a a/y",
                       1),
               "1\n2\n0:0:4711\n");
}

TEST_CASE("fake_ids: programs that step down go on as who they are", "[oci]") {
  Sandbox s;
  check_script(s.shell("setpriv --reuid=33 --regid=33 --clear-groups id -u", 1), "0\n");
  check_script(s.shell("setpriv --reuid=65534 --regid=65534 --groups=1,2,3 id -u", 1), "0\n");
}

TEST_CASE("fake_ids: file capabilities need no help", "[oci]") {
  Sandbox s;
  if (!find_program("setcap")) {
    std::puts("left out: no setcap program (file capabilities)");
    return;
  }
  check_script(s.shell("cp /bin/true t; setcap cap_net_raw+ep t; getcap t", 1), "t cap_net_raw=ep\n");
}

TEST_CASE("fake_ids: a wider limit fakes only what is above it", "[oci]") {
  Sandbox s;
  check_script(s.shell("touch f; chown 5000 f", 2001), "");
  // 33 is below the limit, so the kernel is asked; this namespace does not have it.
  CHECK_FALSE(s.shell("touch f; chown 33 f", 2001).status.success());
}

#ifdef __x86_64__
namespace {

// A system call of the i386 ABI, from a 64-bit program: pointers must fit in 32 bits.
long call_i386(long number, long a, long b, long c) {
  long result = number;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(result);
}

}  // namespace

TEST_CASE("fake_ids: 32-bit programs are served as well", "[oci]") {
  constexpr long kGetpid = 20, kChown16 = 182, kChown32 = 212, kSetuid16 = 23, kSetgroups32 = 206;
  Sandbox s;
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  REQUIRE(low != MAP_FAILED);
  const std::string path = s.dir.path() + "/f";
  REQUIRE(fs::write_file(path, ""));
  std::memcpy(low, path.c_str(), path.size() + 1);
  const long name = static_cast<long>(reinterpret_cast<std::uintptr_t>(low));
  std::vector<sock_filter> filter = fake_ids_filter(1);

  // The child asks for what nobody but root may do; each answer that is not as expected sets a bit of its status.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (call_i386(kGetpid, 0, 0, 0) != ::getpid()) ::_exit(77);
    sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    int failures = 0;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      failures |= 1;
    if (call_i386(kChown16, name, 33, 33) != 0) failures |= 2;
    if (call_i386(kChown32, name, 100033, 33) != 0) failures |= 4;
    if (call_i386(kSetuid16, 33, 0, 0) != 0) failures |= 8;
    if (call_i386(kSetgroups32, 1, name, 0) != 0) failures |= 16;
    ::_exit(failures);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status) || WEXITSTATUS(status) == 77) {
    std::puts("left out: this kernel runs no 32-bit system calls");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(take(sys::stat(path)).st_uid == ::getuid());
}
#endif
