// SPDX-License-Identifier: Apache-2.0
// A filter of seccomp's, run as the kernel would run it: instruction by instruction, over seccomp_data made up by a
// test.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace sublet::test {

inline constexpr std::uint32_t kBrokenFilter = 0xdeadbeef;

struct FilterMachine {
  std::uint32_t a = 0;
  std::size_t at = 0;
};

// One instruction. True: it was a return, and `a` is the answer.
inline bool step(const sock_filter& code, const seccomp_data& data, FilterMachine& m) {
  switch (code.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      if (code.k % 4 != 0 || code.k + 4 > sizeof data) return m.a = kBrokenFilter, true;
      std::memcpy(&m.a, reinterpret_cast<const char*>(&data) + code.k, 4);
      return false;
    case BPF_ALU | BPF_AND | BPF_K: m.a &= code.k; return false;
    case BPF_JMP | BPF_JA: m.at += code.k; return false;
    case BPF_JMP | BPF_JEQ | BPF_K: m.at += m.a == code.k ? code.jt : code.jf; return false;
    case BPF_JMP | BPF_JGE | BPF_K: m.at += m.a >= code.k ? code.jt : code.jf; return false;
    case BPF_JMP | BPF_JSET | BPF_K: m.at += (m.a & code.k) != 0 ? code.jt : code.jf; return false;
    case BPF_RET | BPF_K: m.a = code.k; return true;
    default: return m.a = kBrokenFilter, true;
  }
}

/// Its answer; kBrokenFilter for a program that the kernel would not take.
inline std::uint32_t run_filter(const std::vector<sock_filter>& filter, const seccomp_data& data) {
  FilterMachine m;
  while (m.at < filter.size())
    if (step(filter[m.at++], data, m)) return m.a;
  return kBrokenFilter;
}

}  // namespace sublet::test
