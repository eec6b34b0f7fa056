// SPDX-License-Identifier: Apache-2.0
#include "launcher/facts/subids.h"

#include <shadow/subid.h>

#include <cstdio>
#include <cstdlib>

#include "base/handle.h"

namespace sublet::launcher {
namespace {

constexpr unsigned long kLastId = 4294967294ul;  // (uid_t)-1 is no id

// Without this libsubid writes to our standard error. It keeps the stream, so it is never closed.
void silence() {
  static const bool kDone = [] {
    FILE* null = std::fopen("/dev/null", "we");  // NOLINT(cppcoreguidelines-owning-memory): libsubid's from now on
    return null != nullptr && subid_init("sublet", null);
  }();
  (void)kDone;
}

template <typename Get>
std::vector<IdRange> read_ranges(const std::string& user, Get get, Subids& into) {
  subid_range* raw = nullptr;
  int count = get(user.c_str(), &raw);
  Handle<subid_range, ::free> owned(raw);
  std::vector<IdRange> ranges;
  if (count < 0) {
    into.reason = "libsubid could not look them up";
    return ranges;
  }
  for (int i = 0; i < count; ++i) {
    IdRange range = checked_range(raw[i].start, raw[i].count, into.warnings);
    if (range.count > 0) ranges.push_back(range);
  }
  return ranges;
}

bool has_owner(std::uint32_t id) {
  uid_t* raw = nullptr;
  int uids = subid_get_uid_owners(id, &raw);
  Handle<uid_t, ::free> first(raw);
  uid_t* raw_gids = nullptr;
  int gids = subid_get_gid_owners(id, &raw_gids);
  Handle<uid_t, ::free> second(raw_gids);
  return uids > 0 || gids > 0;
}

}  // namespace

IdRange checked_range(unsigned long start, unsigned long count, std::vector<std::string>& warnings) {
  auto text = [&] { return std::to_string(start) + ":" + std::to_string(count); };
  if (start > kLastId) {
    warnings.push_back("subordinate range " + text() + " starts beyond the last id, 4294967294; not used");
    return {};
  }
  unsigned long room = kLastId - start + 1;
  if (count > room) {
    warnings.push_back("subordinate range " + text() + " goes beyond the last id, 4294967294; cut");
    count = room;
  }
  return {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(count)};
}

Subids read_subids(const std::string& user) {
  silence();
  Subids subids;
  subids.uids = read_ranges(user, subid_get_uid_ranges, subids);
  subids.gids = read_ranges(user, subid_get_gid_ranges, subids);
  return subids;
}

std::uint32_t find_free_subids() {
  // From where login.defs(5) starts (SUB_UID_MIN), in blocks of the usual size.
  constexpr std::uint32_t kFirst = 100000;
  constexpr std::uint32_t kBlock = 65536;
  constexpr std::uint32_t kTries = 256;
  silence();
  for (std::uint32_t i = 0; i < kTries; ++i) {
    std::uint32_t start = kFirst + i * kBlock;
    if (!has_owner(start) && !has_owner(start + kBlock / 2) && !has_owner(start + kBlock - 1)) return start;
  }
  return 0;
}

}  // namespace sublet::launcher
