// SPDX-License-Identifier: Apache-2.0
// Classic BPF programs for seccomp(2), written with labels. Header-only and without libraries: the OCI wrapper uses it.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"

namespace sublet::bpf {

/// Instructions with jumps to labels, which may be placed later (BPF only jumps forward).
class Assembler {
 public:
  using Label = std::size_t;

  Label label() {
    targets_.push_back(0);
    return targets_.size() - 1;
  }
  void place(Label label) { targets_[label] = code_.size(); }

  void load(std::size_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void mask(std::uint32_t bits) { emit(BPF_ALU | BPF_AND | BPF_K, bits); }
  void answer(std::uint32_t action) { emit(BPF_RET | BPF_K, action); }
  void jump(Label to) {
    jumps_.emplace_back(code_.size(), to);
    emit(BPF_JMP | BPF_JA, 0);
  }
  void if_equal(std::uint32_t value, Label then) { branch(BPF_JEQ, value, then); }
  void if_at_least(std::uint32_t value, Label then) { branch(BPF_JGE, value, then); }
  /// If any of these bits is set.
  void if_any(std::uint32_t bits, Label then) { branch(BPF_JSET, bits, then); }

  /// The program; every label that is jumped to must have been placed.
  std::vector<sock_filter> assemble() {
    for (const auto& [at, label] : jumps_) code_[at].k = static_cast<std::uint32_t>(targets_[label] - at - 1);
    CHECK(code_.size() <= BPF_MAXINSNS);
    return std::move(code_);
  }

 private:
  void emit(int code, std::uint32_t k) { code_.push_back({static_cast<std::uint16_t>(code), 0, 0, k}); }
  // A conditional jump reaches only 255 instructions far, an unconditional one any: so over one of the latter, or not.
  void branch(int condition, std::uint32_t value, Label then) {
    code_.push_back({static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K), 0, 1, value});
    jump(then);
  }

  std::vector<sock_filter> code_;
  std::vector<std::size_t> targets_;
  std::vector<std::pair<std::size_t, Label>> jumps_;
};

/// The low half of a call's argument. All ABIs known here are little-endian.
constexpr std::size_t low_half(unsigned argument) {
  return offsetof(seccomp_data, args) + std::size_t{argument} * sizeof(std::uint64_t);
}

}  // namespace sublet::bpf
