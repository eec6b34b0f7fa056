// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/fake_ids.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <initializer_list>
#include <set>

namespace {

using sublet::launcher::fake_ids_filter;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kFaked = SECCOMP_RET_ERRNO;
constexpr std::uint32_t kSame = 0xffffffff;  // -1

struct Call {
  std::uint32_t arch;
  std::uint32_t number;
  std::initializer_list<std::uint64_t> args;
};

// What the kernel would answer: an interpreter of just the instructions that its analysis of constant filters knows
// (seccomp_is_const_allow(), kernel/seccomp.c). Any other fails the test.
std::uint32_t evaluate(const std::vector<sock_filter>& program, const Call& call) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = call.arch;
  std::copy(call.args.begin(), call.args.end(), data.args);
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& instruction = program[at];
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        REQUIRE(instruction.k + 4 <= sizeof data);
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction.k; break;
      case BPF_JMP | BPF_JA: at += instruction.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += accumulator == instruction.k ? instruction.jt : instruction.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += accumulator >= instruction.k ? instruction.jt : instruction.jf; break;
      case BPF_RET | BPF_K: return instruction.k;
      default: FAIL("an instruction that the kernel cannot follow: " << instruction.code);
    }
  }
  FAIL("fell off the end");
  return 0;
}

struct Row {
  const char* what;
  Call call;
  std::uint32_t single;   // with id_limit 1
  std::uint32_t partial;  // with id_limit 2001
};

const Row kRows[] = {
    {"x86-64 chown to 33", {AUDIT_ARCH_X86_64, 92, {0, 33, 33}}, kFaked, kAllow},
    {"x86-64 chown to 0:0 is real", {AUDIT_ARCH_X86_64, 92, {0, 0, 0}}, kAllow, kAllow},
    {"x86-64 chown of the group alone", {AUDIT_ARCH_X86_64, 92, {0, kSame, 33}}, kFaked, kAllow},
    {"x86-64 chown of nothing", {AUDIT_ARCH_X86_64, 92, {0, kSame, kSame}}, kAllow, kAllow},
    {"x86-64 chown: just below the limit", {AUDIT_ARCH_X86_64, 92, {0, 2000, 0}}, kFaked, kAllow},
    {"x86-64 chown: at the limit", {AUDIT_ARCH_X86_64, 92, {0, 2001, 0}}, kFaked, kFaked},
    {"x86-64 chown: only the high half is large", {AUDIT_ARCH_X86_64, 92, {0, 1ULL << 32, 0}}, kAllow, kAllow},
    {"x86-64 chown: the path is no id", {AUDIT_ARCH_X86_64, 92, {0x7fff1234, 0, 0, 99, 99}}, kAllow, kAllow},
    {"x86-64 fchown", {AUDIT_ARCH_X86_64, 93, {3, 65534, 0}}, kFaked, kFaked},
    {"x86-64 lchown", {AUDIT_ARCH_X86_64, 94, {0, 0, 65534}}, kFaked, kFaked},
    {"x86-64 fchownat", {AUDIT_ARCH_X86_64, 260, {3, 0, 0, 65534, 0x1000}}, kFaked, kFaked},
    {"x86-64 fchownat: flags are no id", {AUDIT_ARCH_X86_64, 260, {99999, 0, 0, 0, 0x1000}}, kAllow, kAllow},
    {"x86-64 setuid", {AUDIT_ARCH_X86_64, 105, {65534}}, kFaked, kFaked},
    {"x86-64 setgid", {AUDIT_ARCH_X86_64, 106, {65534}}, kFaked, kFaked},
    {"x86-64 setreuid", {AUDIT_ARCH_X86_64, 113, {kSame, 65534}}, kFaked, kFaked},
    {"x86-64 setregid", {AUDIT_ARCH_X86_64, 114, {kSame, 65534}}, kFaked, kFaked},
    {"x86-64 setresuid", {AUDIT_ARCH_X86_64, 117, {kSame, kSame, 65534}}, kFaked, kFaked},
    {"x86-64 setresgid", {AUDIT_ARCH_X86_64, 119, {65534, kSame, kSame}}, kFaked, kFaked},
    {"x86-64 setgroups", {AUDIT_ARCH_X86_64, 116, {0, 0}}, kFaked, kAllow},
    {"x86-64 setfsuid never fails", {AUDIT_ARCH_X86_64, 122, {65534}}, kAllow, kAllow},
    {"x86-64 write", {AUDIT_ARCH_X86_64, 1, {1, 65534, 65534}}, kAllow, kAllow},
    {"x32 chown", {AUDIT_ARCH_X86_64, 0x40000000 | 92, {0, 65534, 0}}, kFaked, kFaked},
    {"x32 setgroups", {AUDIT_ARCH_X86_64, 0x40000000 | 116, {1, 0}}, kFaked, kAllow},
    {"i386 chown (16 bits)", {AUDIT_ARCH_I386, 182, {0, 65534, 0}}, kFaked, kFaked},
    {"i386 chown (16 bits) of nothing", {AUDIT_ARCH_I386, 182, {0, 0xffff, 0xffffffff}}, kAllow, kAllow},
    {"i386 chown (16 bits) sees the low half", {AUDIT_ARCH_I386, 182, {0, 0x10000, 0}}, kAllow, kAllow},
    {"i386 chown32", {AUDIT_ARCH_I386, 212, {0, 0xffff, 0}}, kFaked, kFaked},
    {"i386 lchown32", {AUDIT_ARCH_I386, 198, {0, kSame, 65534}}, kFaked, kFaked},
    {"i386 fchown32", {AUDIT_ARCH_I386, 207, {0, kSame, 65534}}, kFaked, kFaked},
    {"i386 fchownat", {AUDIT_ARCH_I386, 298, {0, 0, 65534, 0}}, kFaked, kFaked},
    {"i386 setuid (16 bits)", {AUDIT_ARCH_I386, 23, {65534}}, kFaked, kFaked},
    {"i386 setresuid32", {AUDIT_ARCH_I386, 208, {0, 65534, 0}}, kFaked, kFaked},
    {"i386 setgroups (16 bits)", {AUDIT_ARCH_I386, 81, {1, 0}}, kFaked, kAllow},
    {"i386 setgroups32", {AUDIT_ARCH_I386, 206, {1, 0}}, kFaked, kAllow},
    {"i386 call 92 is not chown", {AUDIT_ARCH_I386, 92, {0, 65534, 65534}}, kAllow, kAllow},
    {"aarch64 fchownat", {AUDIT_ARCH_AARCH64, 54, {0, 0, 65534, 0}}, kFaked, kFaked},
    {"aarch64 setresgid", {AUDIT_ARCH_AARCH64, 149, {0, 0, 65534}}, kFaked, kFaked},
    {"aarch64 setgroups", {AUDIT_ARCH_AARCH64, 159, {1, 0}}, kFaked, kAllow},
    {"arm fchownat", {AUDIT_ARCH_ARM, 325, {0, 0, 65534, 0}}, kFaked, kFaked},
    {"another ABI", {AUDIT_ARCH_PPC64LE, 92, {0, 65534, 65534}}, kAllow, kAllow},
};

}  // namespace

TEST_CASE("fake_ids: each call is answered by its ABI, number and ids", "[oci]") {
  const auto single = fake_ids_filter(1);
  const auto partial = fake_ids_filter(2001);
  for (const Row& row : kRows) {
    INFO(row.what);
    CHECK(evaluate(single, row.call) == row.single);
    CHECK(evaluate(partial, row.call) == row.partial);
  }
}

TEST_CASE("fake_ids: every call of the families is known in every ABI, and no other", "[oci]") {
  const auto single = fake_ids_filter(1);
  const char* const names[] = {"chown",       "fchown",      "lchown",     "chown32",  "fchown32",   "lchown32",
                               "fchownat",    "setuid",      "setgid",     "setreuid", "setregid",   "setresuid",
                               "setresgid",   "setgroups",   "setuid32",   "setgid32", "setreuid32", "setregid32",
                               "setresuid32", "setresgid32", "setgroups32"};
  // libseccomp's numbers are of another source than ours.
  const std::pair<std::uint32_t, std::size_t> abis[] = {
      {SCMP_ARCH_X86_64, 11}, {SCMP_ARCH_X86, 21}, {SCMP_ARCH_ARM, 21}, {SCMP_ARCH_AARCH64, 9}};
  for (const auto& [arch, count] : abis) {
    std::set<int> expected;
    for (const char* name : names)
      if (int number = seccomp_syscall_resolve_name_arch(arch, name); number >= 0) expected.insert(number);
    CHECK(expected.size() == count);
    std::set<int> faked;
    for (int number = 0; number < 1024; ++number)
      if (evaluate(single, {arch, static_cast<std::uint32_t>(number), {33, 33, 33, 33}}) == kFaked)
        faked.insert(number);
    INFO("architecture " << std::hex << arch);
    CHECK(faked == expected);
  }
}

TEST_CASE("fake_ids: a full range fakes only what is beyond it", "[oci]") {
  const auto full = fake_ids_filter(65537);
  CHECK(evaluate(full, {AUDIT_ARCH_X86_64, 92, {0, 65536, 65536}}) == kAllow);
  CHECK(evaluate(full, {AUDIT_ARCH_X86_64, 92, {0, 1000680000, 0}}) == kFaked);
  CHECK(evaluate(full, {AUDIT_ARCH_I386, 182, {0, 65534, 65534}}) == kAllow);
}
