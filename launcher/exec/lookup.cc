// SPDX-License-Identifier: Apache-2.0
#include "launcher/exec/lookup.h"

namespace sublet::launcher {

void Lookup::cluster_answered(std::size_t candidate, DnsAnswer answer) {
  Candidate& entry = cluster_[candidate];
  if (entry.done) return;
  entry.done = true;
  entry.answer = std::move(answer);
}

void Lookup::cluster_is_silent() {
  for (Candidate& entry : cluster_) entry.done = true;
}

Lookup::Verdict Lookup::verdict() const {
  std::optional<std::size_t> exists;
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    const Candidate& entry = cluster_[i];
    if (!entry.done) return {Verdict::Kind::kWait};
    if (!entry.answer) continue;
    // The only one, and nobody else's: whatever it says, that there is no such name too.
    if (exclusive_) return {Verdict::Kind::kCluster, i};
    if (entry.answer->code != DnsCode::kOk) continue;
    if (!entry.answer->answers.empty()) return {Verdict::Kind::kCluster, i};
    if (!exists) exists = i;
  }
  if (exists) return {Verdict::Kind::kCluster, *exists};
  if (exclusive_) return {Verdict::Kind::kNoAnswer};
  return {host_ ? Verdict::Kind::kHost : Verdict::Kind::kWait};
}

}  // namespace sublet::launcher
