// SPDX-License-Identifier: Apache-2.0
// Which pod has which address, from the moment that it has it: by the results that libcni keeps beside each sandbox,
// before any of its containers starts. (The API learns a pod's address only when it runs.)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/cidr.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

/// libcni's CacheDir, below which it keeps one file for each network of each sandbox.
inline constexpr const char* kCniResults = "/var/lib/cni/results";

struct PodAddress {
  std::string uid;
  IpAddress address;
  bool operator==(const PodAddress&) const = default;
};
/// What such a file says (kind "cniCacheV1"), if it is about an IPv4 address of these. Pure.
[[nodiscard]] std::optional<PodAddress> pod_address(std::string_view cni_result, const Cidr& pods);

class PodAddresses {
 public:
  /// Watches `directory`, which is made if need be.
  [[nodiscard]] static Result<PodAddresses> watch(std::string directory, const Cidr& pods);
  /// Readable when something has changed.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  /// Takes in what has changed.
  void update();
  /// By uid.
  [[nodiscard]] std::map<std::string, IpAddress> all() const;

 private:
  PodAddresses(std::string directory, const Cidr& pods, UniqueFd inotify)
      : directory_(std::move(directory)), pods_(pods), inotify_(std::move(inotify)) {}
  void scan();
  void look_at(const std::string& name);

  std::string directory_;
  Cidr pods_;
  UniqueFd inotify_;
  std::map<std::string, PodAddress> by_file_;
};

}  // namespace sublet::launcher
