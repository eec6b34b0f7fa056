// SPDX-License-Identifier: Apache-2.0
#include "netns/poll_set.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace sublet::netns {

Result<PollSet> PollSet::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll_create1");
  return PollSet(std::move(epoll));
}

void PollSet::want(int fd, std::uint32_t events) {
  CHECK(fd >= 0 && events != 0);
  auto index = static_cast<std::size_t>(fd);
  if (index >= slots_.size()) slots_.resize(index + 1);
  Slot& slot = slots_[index];
  slot.wanted = events;
  slot.round = round_;
  if (!slot.known) {
    slot.known = true;
    known_.push_back(fd);
  }
}

Result<void> PollSet::tell_kernel() {
  for (std::size_t i = 0; i < known_.size();) {
    int fd = known_[i];
    Slot& slot = slots_[static_cast<std::size_t>(fd)];
    bool wanted = slot.round == round_;
    if (wanted && slot.registered == slot.wanted) {
      ++i;
      continue;
    }
    epoll_event event{.events = slot.wanted, .data = {.fd = fd}};
    // Not wanted means out, not "no events": EPOLLHUP and EPOLLERR would be reported for ever.
    int operation = !wanted ? EPOLL_CTL_DEL : slot.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (!(operation == EPOLL_CTL_DEL && slot.registered == 0) &&
        ::epoll_ctl(epoll_.get(), operation, fd, &event) != 0 && operation != EPOLL_CTL_DEL)
      return fail_errno("epoll_ctl");
    slot.registered = wanted ? slot.wanted : 0;
    if (wanted) {
      ++i;
      continue;
    }
    slot.known = false;
    known_[i] = known_.back();
    known_.pop_back();
  }
  return {};
}

Result<void> PollSet::wait(int timeout_ms) {
  for (std::size_t i = 0; i < found_count_; ++i) slots_[static_cast<std::size_t>(found_[i].data.fd)].ready = 0;
  found_count_ = 0;
  TRY(tell_kernel());
  int count = ::epoll_wait(epoll_.get(), found_.data(), static_cast<int>(found_.size()), timeout_ms);
  if (count < 0) {
    if (errno == EINTR) return {};
    return fail_errno("epoll_wait");
  }
  found_count_ = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < found_count_; ++i)
    slots_[static_cast<std::size_t>(found_[i].data.fd)].ready = found_[i].events;
  return {};
}

std::uint32_t PollSet::ready(int fd) const {
  auto index = static_cast<std::size_t>(fd);
  return fd >= 0 && index < slots_.size() ? slots_[index].ready : 0;
}

void PollSet::forget(int fd) {
  auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= slots_.size()) return;
  Slot& slot = slots_[index];
  if (slot.registered != 0) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (slot.known) known_.erase(std::find(known_.begin(), known_.end(), fd));
  slot = Slot{};
}

}  // namespace sublet::netns
