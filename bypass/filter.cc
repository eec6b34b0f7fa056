// SPDX-License-Identifier: Apache-2.0
#include "bypass/filter.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/sockios.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/bpf.h"
#include "bypass/abi.h"

namespace sublet::bypass {
namespace {

using bpf::Assembler;
using bpf::low_half;
using Label = Assembler::Label;

constexpr std::uint32_t kTypeMask = 0xf;  // SOCK_TYPE_MASK of include/linux/net.h
// All of net/…'s interface ioctls lie in this block (include/uapi/linux/sockios.h).
constexpr std::uint32_t kFirstInterfaceIoctl = SIOCGIFNAME;
constexpr std::uint32_t kEndInterfaceIoctl = 0x8a00;

struct Option {
  std::uint32_t level;
  std::uint32_t name;
};
// Refused to a socket that is bound to a device, measured against another namespace's privileges, or not to be carried
// over when a socket is replaced. Numbers where Debian 12's headers have no name for C++.
constexpr std::array kOptions = {
    Option{SOL_SOCKET, SO_BINDTODEVICE},
    Option{SOL_SOCKET, SO_BINDTOIFINDEX},
    Option{SOL_SOCKET, SO_MARK},
    Option{SOL_SOCKET, SO_PRIORITY},
    Option{SOL_SOCKET, SO_ATTACH_FILTER},
    Option{SOL_SOCKET, SO_ATTACH_BPF},
    Option{IPPROTO_IP, IP_OPTIONS},
    Option{IPPROTO_IP, IP_TRANSPARENT},
    Option{IPPROTO_IP, IP_UNICAST_IF},
    Option{IPPROTO_IPV6, IPV6_TRANSPARENT},
    Option{IPPROTO_IPV6, 76 /* IPV6_UNICAST_IF */},
    Option{IPPROTO_IPV6, 54 /* IPV6_HOPOPTS */},
    Option{IPPROTO_IPV6, 57 /* IPV6_RTHDR */},
    Option{IPPROTO_IPV6, 59 /* IPV6_DSTOPTS */},
    Option{IPPROTO_TCP, 14 /* TCP_MD5SIG */},
    Option{IPPROTO_TCP, 19 /* TCP_REPAIR */},
    Option{IPPROTO_TCP, 31 /* TCP_ULP */},
    Option{IPPROTO_TCP, 32 /* TCP_MD5SIG_EXT */},
};

struct Answers {
  Label allow;
  Label notify;
  Label no_fastopen;
  Label no_such_call;
  bool datagrams;
};

void on_socket(Assembler& a, const Answers& to) {
  const Label inet = a.label();
  const Label stream = a.label();
  a.load(low_half(0));
  a.if_equal(AF_INET, inet);
  a.if_equal(AF_INET6, inet);
  a.jump(to.allow);
  a.place(inet);
  a.load(low_half(1));
  a.mask(kTypeMask);
  a.if_equal(SOCK_STREAM, stream);
  a.jump(to.allow);
  a.place(stream);
  a.load(low_half(2));
  a.if_equal(0, to.notify);
  a.if_equal(IPPROTO_TCP, to.notify);
  a.jump(to.allow);
}

void on_setsockopt(Assembler& a, const Answers& to) {
  for (const Option& option : kOptions) {
    const Label same_level = a.label();
    const Label next = a.label();
    a.load(low_half(1));
    a.if_equal(option.level, same_level);
    a.jump(next);
    a.place(same_level);
    a.load(low_half(2));
    a.if_equal(option.name, to.notify);
    a.place(next);
  }
  a.jump(to.allow);
}

void on_ioctl(Assembler& a, const Answers& to) {
  a.load(low_half(1));
  a.if_at_least(kEndInterfaceIoctl, to.allow);
  a.if_at_least(kFirstInterfaceIoctl, to.notify);
  a.jump(to.allow);
}

// The flags of its sends stand in memory, too. 64-bit programs have no reason to send by it, and pay nothing.
void on_socketcall(Assembler& a, const Answers& to) {
  a.load(low_half(0));
  for (int call : {SYS_CONNECT, SYS_BIND, SYS_LISTEN, SYS_SENDTO, SYS_SENDMSG, SYS_SENDMMSG})
    a.if_equal(static_cast<std::uint32_t>(call), to.notify);
  a.jump(to.allow);
}

void on_send(Assembler& a, unsigned flags_argument, const Answers& to) {
  a.load(low_half(flags_argument));
  a.if_any(MSG_FASTOPEN, to.no_fastopen);
  a.jump(to.allow);
}

void on_sendto(Assembler& a, bool wide, const Answers& to) {
  if (!to.datagrams || !wide) return on_send(a, 3, to);
  constexpr unsigned kAddress = 4;
  const Label no_low_half = a.label();
  a.load(low_half(3));
  a.if_any(MSG_FASTOPEN, to.no_fastopen);
  a.load(low_half(kAddress));
  a.if_equal(0, no_low_half);
  a.jump(to.notify);
  a.place(no_low_half);
  a.load(low_half(kAddress) + 4);
  a.if_equal(0, to.allow);
  a.jump(to.notify);
}

void on_call(Assembler& a, Call call, bool wide, const Answers& to) {
  switch (call) {
    case Call::kSocket: return on_socket(a, to);
    case Call::kSetsockopt: return on_setsockopt(a, to);
    case Call::kIoctl: return on_ioctl(a, to);
    case Call::kSocketcall: return on_socketcall(a, to);
    case Call::kSendto: return on_sendto(a, wide, to);
    case Call::kSendmmsg: return on_send(a, 3, to);
    case Call::kSendmsg: return on_send(a, 2, to);
    case Call::kIoUringSetup: return a.jump(to.no_such_call);
    case Call::kConnect:
    case Call::kBind:
    case Call::kAccept:
    case Call::kAccept4:
    case Call::kListen: return a.jump(to.notify);
    case Call::kOther: return a.jump(to.allow);
  }
}

void on_abi(Assembler& a, const Abi& abi, const Answers& to) {
  std::vector<std::pair<Call, Label>> blocks;
  a.load(offsetof(seccomp_data, nr));
  if (abi.number_mask != ~0U) a.mask(abi.number_mask);
  for (const CallNumber& entry : abi.calls) {
    // A 32-bit program's sockets stay the pod's: what it does with them is still seen (connect, bind, listen).
    if (entry.call == Call::kSocket && !abi.wide) continue;
    blocks.emplace_back(entry.call, a.label());
    a.if_equal(entry.number, blocks.back().second);
  }
  a.jump(to.allow);
  for (const auto& [call, label] : blocks) {
    a.place(label);
    on_call(a, call, abi.wide, to);
  }
}

}  // namespace

std::vector<sock_filter> notify_filter(bool datagrams) {
  Assembler a;
  const Answers to{a.label(), a.label(), a.label(), a.label(), datagrams};
  std::vector<Label> blocks;
  a.load(offsetof(seccomp_data, arch));
  for (const Abi& abi : abis()) {
    blocks.push_back(a.label());
    a.if_equal(abi.audit_arch, blocks.back());
  }
  a.jump(to.allow);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    a.place(blocks[i]);
    on_abi(a, abis()[i], to);
  }
  a.place(to.notify);
  a.answer(SECCOMP_RET_USER_NOTIF);
  a.place(to.no_fastopen);
  a.answer(SECCOMP_RET_ERRNO | EOPNOTSUPP);
  a.place(to.no_such_call);
  a.answer(SECCOMP_RET_ERRNO | ENOSYS);
  a.place(to.allow);
  a.answer(SECCOMP_RET_ALLOW);
  return a.assemble();
}

}  // namespace sublet::bypass
