// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/filter.h"

#include <linux/net.h>
#include <sys/socket.h>

#include "base/bpf.h"
#include "bypass/abi.h"

namespace sublet::launcher {
namespace {

using bpf::Assembler;
using bpf::low_half;
using bypass::Abi;
using bypass::Call;
using Label = Assembler::Label;

constexpr unsigned kFlags = 3;
constexpr unsigned kAddress = 4;

void on_sendto(Assembler& a, Label notify, Label allow) {
  const Label flagged = a.label();
  const Label low_is_zero = a.label();
  a.load(low_half(kFlags));
  a.if_equal(MSG_NOSIGNAL, flagged);
  a.jump(allow);
  a.place(flagged);
  a.load(low_half(kAddress));
  a.if_equal(0, low_is_zero);
  a.jump(notify);
  a.place(low_is_zero);
  a.load(low_half(kAddress) + sizeof(std::uint32_t));
  a.if_equal(0, allow);
  a.jump(notify);
}

void on_abi(Assembler& a, const Abi& abi, Label notify, Label allow) {
  const Label sendto = a.label();
  const Label socketcall = a.label();
  a.load(offsetof(seccomp_data, nr));
  if (abi.number_mask != ~0U) a.mask(abi.number_mask);
  for (const bypass::CallNumber& entry : abi.calls) {
    if (entry.call == Call::kConnect) a.if_equal(entry.number, notify);
    if (entry.call == Call::kSendto) a.if_equal(entry.number, sendto);
    if (entry.call == Call::kSocketcall) a.if_equal(entry.number, socketcall);
  }
  a.jump(allow);
  a.place(sendto);
  on_sendto(a, notify, allow);
  a.place(socketcall);
  a.load(low_half(0));
  a.if_equal(SYS_CONNECT, notify);
  a.jump(allow);
}

}  // namespace

std::vector<sock_filter> exec_filter() {
  Assembler a;
  const Label notify = a.label();
  const Label allow = a.label();
  std::vector<Label> blocks;
  a.load(offsetof(seccomp_data, arch));
  for (const Abi& abi : bypass::abis()) {
    blocks.push_back(a.label());
    a.if_equal(abi.audit_arch, blocks.back());
  }
  a.jump(allow);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    a.place(blocks[i]);
    on_abi(a, bypass::abis()[i], notify, allow);
  }
  a.place(notify);
  a.answer(SECCOMP_RET_USER_NOTIF);
  a.place(allow);
  a.answer(SECCOMP_RET_ALLOW);
  return a.assemble();
}

}  // namespace sublet::launcher
