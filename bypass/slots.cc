// SPDX-License-Identifier: Apache-2.0
#include "bypass/slots.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"

namespace sublet::bypass {
namespace {

constexpr std::size_t kBytes = Slots::kCount * sizeof(Slot);

}  // namespace

Result<UniqueFd> Slots::create_memory() {
  UniqueFd memory(::memfd_create("sublet-bypass", MFD_CLOEXEC));
  if (!memory) return fail_errno("memfd_create");
  if (::ftruncate(memory.get(), kBytes) != 0) return fail_errno("ftruncate");
  return memory;
}

Result<Slots> Slots::map(int memory) {
  void* address = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (address == MAP_FAILED) return fail_errno("mapping the memory of calls under way");
  return Slots(static_cast<Slot*>(address));
}

Slots::Slots(Slot* slots) : slots_(slots) {
  free_.reserve(kCount);
  for (std::uint32_t i = kCount; i-- > 0;)
    (slots_[i].listener.load() == 0 ? free_ : left_).push_back(i);  // the first ones on top: few pages are touched
}

Slots::Slots(Slots&& other) noexcept
    : slots_(std::exchange(other.slots_, nullptr)), free_(std::move(other.free_)), left_(std::move(other.left_)) {}

Slots::~Slots() {
  if (slots_ != nullptr) (void)::munmap(slots_, kBytes);
}

Slot* Slots::take(std::uint32_t listener) {
  CHECK(listener != 0);
  std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  Slot* slot = &slots_[free_.back()];
  free_.pop_back();
  std::memset(&slot->notification, 0, sizeof slot->notification);
  slot->made_nonblocking.store(0);
  slot->given.store(0);
  slot->listener.store(listener);
  return slot;
}

void Slots::give_back(Slot* slot) {
  std::lock_guard lock(mutex_);
  slot->listener.store(0);
  free_.push_back(static_cast<std::uint32_t>(slot - slots_));
}

std::vector<Slot*> Slots::adopt(std::uint32_t listener) {
  std::lock_guard lock(mutex_);
  std::vector<Slot*> found;
  std::erase_if(left_, [&](std::uint32_t i) {
    if (slots_[i].listener.load() != listener) return false;
    found.push_back(&slots_[i]);
    return true;
  });
  return found;
}

void Slots::drop_unknown() {
  std::lock_guard lock(mutex_);
  for (std::uint32_t i : left_) {
    slots_[i].listener.store(0);
    free_.push_back(i);
  }
  left_.clear();
}

}  // namespace sublet::bypass
