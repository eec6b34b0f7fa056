// SPDX-License-Identifier: Apache-2.0
// One question of a program, while the cluster's name server and the host's are asked for it side by side: what came
// back, and who is to be believed. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/exec/dns_message.h"

namespace sublet::launcher {

class Lookup {
 public:
  /// `candidates`: how many names the cluster is asked for; `exclusive`: the host is not asked.
  Lookup(std::size_t candidates, bool exclusive) : cluster_(candidates), exclusive_(exclusive) {}

  void cluster_answered(std::size_t candidate, DnsAnswer answer);
  /// There will be no more answers of the cluster's: it is gone, or takes too long.
  void cluster_is_silent();
  void host_answered(std::string message) { host_ = std::move(message); }

  struct Verdict {
    enum class Kind {
      kWait,
      kCluster,   // the cluster's answer to `candidate`
      kHost,      // the host's message, as it is
      kNoAnswer,  // nobody can say: SERVFAIL
    } kind;
    std::size_t candidate = 0;
  };
  /// The first candidate with records; else the first that exists; else what the host says.
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] const DnsAnswer& of(std::size_t candidate) const { return *cluster_[candidate].answer; }
  [[nodiscard]] const std::string& of_host() const { return *host_; }

 private:
  struct Candidate {
    bool done = false;
    std::optional<DnsAnswer> answer;
  };
  std::vector<Candidate> cluster_;
  bool exclusive_;
  std::optional<std::string> host_;
};

}  // namespace sublet::launcher
