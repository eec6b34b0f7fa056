// SPDX-License-Identifier: Apache-2.0
#include "bypass/slots.h"

#include <catch2/catch.hpp>
#include <set>

using namespace sublet;
using namespace sublet::bypass;

namespace {

Slots map(const UniqueFd& memory) {
  auto slots = Slots::map(memory.get());
  REQUIRE(slots);
  return std::move(*slots);
}

UniqueFd memory() {
  auto made = Slots::create_memory();
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

TEST_CASE("slots: one is zeroed when taken, and free when given back", "[bypass]") {
  const UniqueFd shared = memory();
  Slots slots = map(shared);
  Slot* slot = slots.take(7);
  REQUIRE(slot != nullptr);
  slot->notification.id = 99;
  slot->made_nonblocking.store(1);
  slots.give_back(slot);
  CHECK(slot->listener.load() == 0);
  Slot* again = slots.take(8);
  CHECK(again == slot);  // the same page stays in use
  CHECK(again->notification.id == 0);
  CHECK(again->made_nonblocking.load() == 0);
}

TEST_CASE("slots: they end, and come back", "[bypass]") {
  const UniqueFd shared = memory();
  Slots slots = map(shared);
  std::set<Slot*> taken;
  for (std::size_t i = 0; i < Slots::kCount; ++i) {
    Slot* slot = slots.take(1);
    REQUIRE(slot != nullptr);
    REQUIRE(taken.insert(slot).second);
  }
  CHECK(slots.take(1) == nullptr);
  slots.give_back(*taken.begin());
  CHECK(slots.take(2) == *taken.begin());
  CHECK(slots.take(2) == nullptr);
}

TEST_CASE("slots: a successor finds what was under way, by listener", "[bypass]") {
  const UniqueFd shared = memory();
  {
    Slots before = map(shared);
    before.take(1)->notification.id = 11;
    before.take(2)->notification.id = 21;
    before.take(1)->notification.id = 12;
    before.give_back(before.take(3));
  }
  Slots after = map(shared);
  std::set<std::uint64_t> ids;
  const std::vector<Slot*> adopted = after.adopt(1);
  for (Slot* slot : adopted) ids.insert(slot->notification.id);
  CHECK(ids == std::set<std::uint64_t>{11, 12});
  CHECK(after.adopt(3).empty());
  // What is adopted or not yet seen is not given out.
  std::set<Slot*> taken;
  for (std::size_t i = 0; i < Slots::kCount - 3; ++i) REQUIRE(taken.insert(after.take(9)).second);
  CHECK(after.take(9) == nullptr);
  after.drop_unknown();  // listener 2 is no more
  CHECK(after.take(9) != nullptr);
  CHECK(after.take(9) == nullptr);
  for (Slot* slot : adopted) after.give_back(slot);
  CHECK(after.take(9) != nullptr);
}

TEST_CASE("slots: what a listener took that has ended since is not freed under its user's hands", "[bypass]") {
  const UniqueFd shared = memory();
  Slots slots = map(shared);
  Slot* pending = slots.take(5);  // its listener ends before all are known, a connect of it still waits
  slots.drop_unknown();
  CHECK(slots.take(6) != pending);
  slots.give_back(pending);
  std::set<Slot*> taken;
  for (std::size_t i = 0; i < Slots::kCount - 1; ++i) REQUIRE(taken.insert(slots.take(6)).second);
  CHECK(slots.take(6) == nullptr);
}
