// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/mailbox.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace sublet::launcher {

Result<std::unique_ptr<Mailbox>> Mailbox::create(EventLoop& loop) {
  std::unique_ptr<Mailbox> box(new Mailbox());
  box->event_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!box->event_) return fail_errno("eventfd");
  box->watch_ = TRY(loop.on_fd(box->event_.get(), EPOLLIN, [raw = box.get()](std::uint32_t) { raw->deliver(); }));
  return box;
}

void Mailbox::post(std::function<void()> call) {
  std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
  (void)::eventfd_write(event_.get(), 1);  // fails only when 2^64-1 calls wait
}

void Mailbox::deliver() {
  eventfd_t count = 0;
  (void)::eventfd_read(event_.get(), &count);
  std::vector<std::function<void()>> calls;
  {
    std::lock_guard lock(mutex_);
    calls.swap(calls_);
  }
  for (auto& call : calls) call();
}

}  // namespace sublet::launcher
