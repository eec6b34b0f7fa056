// SPDX-License-Identifier: Apache-2.0
// Keeps what one knows of a kind of objects as the API server has it: list, then watch from there, and anew whenever
// that ends. Knows of nothing but the API's rules:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "launcher/api/client.h"

namespace sublet::launcher {

/// What is kept. Called by the one thread that follows it.
class Watched {
 public:
  virtual ~Watched() = default;
  /// Of the list: "/api/v1/pods".
  [[nodiscard]] virtual std::string path() const = 0;
  /// Where a watch goes on; empty: with a list.
  [[nodiscard]] virtual std::string version() const = 0;
  virtual void set_version(const std::string& version) = 0;
  /// All objects, as a list has them.
  virtual void replace(const std::vector<nlohmann::json>& objects) = 0;
  /// One event of a watch. False: the watch must begin anew with a list.
  [[nodiscard]] virtual bool apply(const nlohmann::json& event) = 0;
  /// The server is away: what is known may be old, until the next list or event.
  virtual void lost() {}
};

/// One event of a watch, taken apart.
struct WatchEvent {
  enum class Kind : std::uint8_t { kPut, kDrop, kBookmark, kEnd } kind;  // kEnd: 410 Gone, or what is no event
  std::string version;
};
[[nodiscard]] WatchEvent watch_event(const nlohmann::json& event);

/// A list, where nobody knows where a watch would go on, and then a watch until it ends: a success if the server ended
/// it in its time. What the server does not know any more (410) is listed next time.
Result<void> follow_once(ApiClient& client, Watched& watched);

/// On the calling thread, until `stopped` says so after a watch has ended. A server that is away, or not there yet, is
/// asked again soon.
void follow(const ClientPlan& plan, Watched& watched, const std::function<bool()>& stopped);

}  // namespace sublet::launcher
