// SPDX-License-Identifier: Apache-2.0
//
// Theory of operation. One classic BPF program (seccomp(2)) for all ABIs that a container on this machine may use: it
// branches on the ABI, then on the call's number, then compares the arguments that are ids with the limit.
//
// What is faked, and what is not:
// - chown, fchown, lchown, fchownat: a file stays its maker's. One call sets both ids; if either cannot be set neither
// is.
// - set{,re,res}{uid,gid}: the process stays who it is and keeps its capabilities. -1 («leave it») is not an id here.
// - setfsuid, setfsgid are left alone: they report no errors (the answer is the previous id), so they never fail
// anything.
// - setgroups takes a pointer, which BPF cannot follow: faked on the single-UID rung, where /proc/PID/setgroups is
// «deny»
//   (user_namespaces(7)), and real on all others, where dropping groups must really drop them.
// - mknod of devices is not faked: containerd skips them by itself in a user namespace, overlayfs's whiteouts (0,0)
// work,
//   and a device that seems made but is not there would be worse than EPERM.
// - setxattr of security.capability works in a user namespace (Linux 4.14, capabilities(7), «Namespaced file
// capabilities»).
//
// The kernel keeps a bitmap of the calls that a filter allows whatever their arguments are (Linux 5.11); this program
// only uses instructions that its analysis follows, so the calls that are not listed here cost nothing.
#include "launcher/oci/fake_ids.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/bpf.h"
#include "base/check.h"

namespace sublet::launcher {
namespace {

// One call, by number; `count` of its arguments from `first` on are ids. The 16-bit calls of the old 32-bit ABIs see
// only the low half of each argument, and their -1 is 0xffff (kernel/uid16.c).
struct IdCall {
  std::uint32_t number;
  unsigned first;
  unsigned count;
  bool short_ids = false;
};

struct Abi {
  std::uint32_t audit_arch;
  std::uint32_t number_mask;
  std::span<const IdCall> id_calls;
  std::span<const std::uint32_t> setgroups;
};

// arch/x86/entry/syscalls/syscall_64.tbl
constexpr std::array<IdCall, 10> kX64Calls{{
    {92, 1, 2},   // chown
    {93, 1, 2},   // fchown
    {94, 1, 2},   // lchown
    {260, 2, 2},  // fchownat
    {105, 0, 1},  // setuid
    {106, 0, 1},  // setgid
    {113, 0, 2},  // setreuid
    {114, 0, 2},  // setregid
    {117, 0, 3},  // setresuid
    {119, 0, 3},  // setresgid
}};
constexpr std::array<std::uint32_t, 1> kX64Setgroups{116};

// arch/x86/entry/syscalls/syscall_32.tbl; arm's numbers (arch/arm/tools/syscall.tbl) differ in fchownat alone.
constexpr std::array<IdCall, 19> thirty_two_bit_calls(std::uint32_t fchownat) {
  return {{
      {182, 1, 2, true},  // chown
      {95, 1, 2, true},   // fchown
      {16, 1, 2, true},   // lchown
      {212, 1, 2},        // chown32
      {207, 1, 2},        // fchown32
      {198, 1, 2},        // lchown32
      {fchownat, 2, 2},   // fchownat
      {23, 0, 1, true},   // setuid
      {46, 0, 1, true},   // setgid
      {70, 0, 2, true},   // setreuid
      {71, 0, 2, true},   // setregid
      {164, 0, 3, true},  // setresuid
      {170, 0, 3, true},  // setresgid
      {213, 0, 1},        // setuid32
      {214, 0, 1},        // setgid32
      {203, 0, 2},        // setreuid32
      {204, 0, 2},        // setregid32
      {208, 0, 3},        // setresuid32
      {210, 0, 3},        // setresgid32
  }};
}
constexpr auto kI386Calls = thirty_two_bit_calls(298);
constexpr auto kArmCalls = thirty_two_bit_calls(325);
constexpr std::array<std::uint32_t, 2> kThirtyTwoBitSetgroups{81, 206};

// include/uapi/asm-generic/unistd.h
constexpr std::array<IdCall, 8> kAarch64Calls{{
    {54, 2, 2},   // fchownat
    {55, 1, 2},   // fchown
    {146, 0, 1},  // setuid
    {144, 0, 1},  // setgid
    {145, 0, 2},  // setreuid
    {143, 0, 2},  // setregid
    {147, 0, 3},  // setresuid
    {149, 0, 3},  // setresgid
}};
constexpr std::array<std::uint32_t, 1> kAarch64Setgroups{159};

constexpr std::uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT: the same calls by the same numbers
constexpr std::array<Abi, 4> kAbis{{
    {AUDIT_ARCH_X86_64, ~kX32Bit, kX64Calls, kX64Setgroups},
    {AUDIT_ARCH_I386, ~0U, kI386Calls, kThirtyTwoBitSetgroups},
    {AUDIT_ARCH_AARCH64, ~0U, kAarch64Calls, kAarch64Setgroups},
    {AUDIT_ARCH_ARM, ~0U, kArmCalls, kThirtyTwoBitSetgroups},
}};

void check_ids(bpf::Assembler& a, const IdCall& call, std::uint32_t id_limit, bpf::Assembler::Label fake) {
  const std::uint32_t unchanged = call.short_ids ? 0xffffU : 0xffffffffU;
  for (unsigned argument = call.first; argument < call.first + call.count; ++argument) {
    bpf::Assembler::Label next = a.label();
    a.load(bpf::low_half(argument));
    if (call.short_ids) a.mask(0xffff);
    a.if_equal(unchanged, next);
    a.if_at_least(id_limit, fake);
    a.place(next);
  }
  a.answer(SECCOMP_RET_ALLOW);
}

void handle_abi(bpf::Assembler& a, const Abi& abi, std::uint32_t id_limit, bpf::Assembler::Label fake) {
  a.load(offsetof(seccomp_data, nr));
  if (abi.number_mask != ~0U) a.mask(abi.number_mask);
  std::vector<bpf::Assembler::Label> checks;
  for (const IdCall& call : abi.id_calls) {
    checks.push_back(a.label());
    a.if_equal(call.number, checks.back());
  }
  if (id_limit == 1)
    for (std::uint32_t number : abi.setgroups) a.if_equal(number, fake);
  a.answer(SECCOMP_RET_ALLOW);
  for (std::size_t i = 0; i < checks.size(); ++i) {
    a.place(checks[i]);
    check_ids(a, abi.id_calls[i], id_limit, fake);
  }
}

}  // namespace

std::vector<sock_filter> fake_ids_filter(std::uint32_t id_limit) {
  CHECK(id_limit >= 1);
  bpf::Assembler a;
  bpf::Assembler::Label fake = a.label();
  std::array<bpf::Assembler::Label, kAbis.size()> blocks{};
  a.load(offsetof(seccomp_data, arch));
  for (std::size_t i = 0; i < kAbis.size(); ++i) {
    blocks[i] = a.label();
    a.if_equal(kAbis[i].audit_arch, blocks[i]);
  }
  a.answer(SECCOMP_RET_ALLOW);
  for (std::size_t i = 0; i < kAbis.size(); ++i) {
    a.place(blocks[i]);
    handle_abi(a, kAbis[i], id_limit, fake);
  }
  a.place(fake);
  a.answer(SECCOMP_RET_ERRNO | 0);  // an errno of 0: the call is skipped and returns 0 (seccomp(2))
  return a.assemble();
}

}  // namespace sublet::launcher
