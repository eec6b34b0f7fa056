// SPDX-License-Identifier: Apache-2.0
// Calls to the API server: HTTPS with our client certificate, one connection kept alive. Blocking; each call has a
// deadline. The socket may come from inside the cluster's network namespace. An answer that is not 2xx is an Error with
// the API's own message.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/api/socket_source.h"

namespace sublet::launcher {

struct ClientPlan {
  std::string server = "https://127.0.0.1:6443";
  std::string ca_pem;
  std::string cert_pem;
  std::string key_pem;
  SocketSource socket;                        // not set: our own network namespace
  std::chrono::milliseconds timeout{10'000};  // of one call
};

/// Called between two tries of a wait; an error ends it (the component has died, the user pressed ^C).
using Between = std::function<Result<void>()>;

class ApiClient {
 public:
  [[nodiscard]] static Result<ApiClient> create(ClientPlan plan);
  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) noexcept;
  ~ApiClient();

  /// `path` is absolute, with its query. Errors carry a code: ENOENT (404), EEXIST (409), EACCES (401, 403), EAGAIN
  /// (429, 503, and what did not get through), EINVAL (400, 422), EIO (other answers), ETIMEDOUT.
  [[nodiscard]] Result<nlohmann::json> get(const std::string& path);
  [[nodiscard]] Result<nlohmann::json> post(const std::string& path, const nlohmann::json& body);
  [[nodiscard]] Result<nlohmann::json> put(const std::string& path, const nlohmann::json& body);
  /// A JSON merge patch (RFC 7386).
  [[nodiscard]] Result<nlohmann::json> patch(const std::string& path, const nlohmann::json& body);
  [[nodiscard]] Result<nlohmann::json> remove(const std::string& path);
  /// The answer as it came: for /readyz, /version, logs.
  [[nodiscard]] Result<std::string> get_text(const std::string& path);

  /// A GET whose answer goes on (a watch): calls back for each line as it comes, until the server ends it, which is
  /// success, or `on_line` gives false, or `timeout` is over. A line is at most 4 MiB, twice what an object can be.
  Result<void> follow(const std::string& path, std::chrono::milliseconds timeout,
                      const std::function<bool(std::string_view)>& on_line);

  /// Server-side apply of one object, as field manager "sublet", conflicts overridden: made if missing, else changed.
  Result<void> apply(const nlohmann::json& object);
  /// Applies JSON text (parse_manifests()) in its order. What a starting API server answers for a moment (no such
  /// namespace yet, too many requests, unavailable) is tried again within `timeout`.
  Result<void> apply_all(std::string_view manifests, std::chrono::milliseconds timeout, const Between& between = {});

  /// One look: true if /readyz says ok, false if the server is not there or not ready (yet).
  [[nodiscard]] bool is_ready();
  /// Until is_ready(). The error at the deadline (exit 4) says what the server answered last.
  Result<void> wait_ready(std::chrono::milliseconds timeout, const Between& between = {});
  /// Until the server answers at all, which is a good second before it is ready: others can start then, and will find a
  /// server that answers some requests with 403 or 503 for a moment.
  Result<void> wait_serving(std::chrono::milliseconds timeout, const Between& between = {});
  /// Until `done` holds for what GET `path` answers; a 404 is "not yet". `what` names it in the error: "node n1 to be
  /// Ready".
  Result<void> wait_until(const std::string& what, const std::string& path,
                          const std::function<bool(const nlohmann::json&)>& done, std::chrono::milliseconds timeout,
                          const Between& between = {});

 private:
  Result<void> wait_ok(const std::string& path, const char* what, std::chrono::milliseconds timeout,
                       const Between& between);
  struct State;
  explicit ApiClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sublet::launcher
