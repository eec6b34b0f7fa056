// SPDX-License-Identifier: Apache-2.0
#include "launcher/policy/watch.h"

#include <fmt/format.h>
#include <poll.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kPageSize = 250;          // of a list, so that no answer is large
constexpr int kWatchSeconds = 290;      // then the server ends it, and we ask for what came after
constexpr milliseconds kGrace{10'000};  // that it may be late with that
constexpr int kPauseMs = 250;           // before a server that is away is asked again

Result<void> list(ApiClient& client, PolicyKind kind, PolicyStore& store) {
  std::vector<json> objects;
  std::string next;
  for (;;) {
    const std::string more = next.empty() ? "" : "&continue=" + next;
    const json page = TRY(client.get(fmt::format("{}?limit={}{}", path_of(kind), kPageSize, more)));
    const json metadata = page.value("metadata", json::object());
    if (!page.contains("items") || !page["items"].is_array()) return fail("a list without items");
    for (const json& item : page["items"]) objects.push_back(item);
    next = metadata.value("continue", "");
    if (!next.empty()) continue;
    store.set_version(kind, metadata.value("resourceVersion", ""));
    store.replace(kind, objects);
    return {};
  }
}

Result<void> watch(ApiClient& client, PolicyKind kind, PolicyStore& store) {
  const std::string path = fmt::format("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                                       path_of(kind), kWatchSeconds, store.version(kind));
  auto on_line = [&](std::string_view line) { return store.apply(kind, json::parse(line, nullptr, false)); };
  return client.follow(path, std::chrono::seconds(kWatchSeconds) + kGrace, on_line);
}

}  // namespace

Result<void> follow_once(ApiClient& client, PolicyKind kind, PolicyStore& store) {
  if (store.version(kind).empty()) TRY(list(client, kind, store));
  auto went = watch(client, kind, store);
  // That a version is too old comes as an answer instead of an event where the server knows it from the start.
  if (!went && !went.error().is(EAGAIN) && !went.error().is(ETIMEDOUT)) store.set_version(kind, "");
  return went;
}

void follow(ClientPlan plan, PolicyKind kind, PolicyStore& store) {
  std::string said = "-";  // one failure is said once, however often it is seen
  std::optional<ApiClient> client;
  for (;;) {
    Result<void> went;
    if (!client) {
      auto made = ApiClient::create(plan);
      if (made)
        client = std::move(*made);
      else
        went = tl::unexpected(made.error());
    }
    if (client) went = follow_once(*client, kind, store);
    if (went) {
      said.clear();
      continue;
    }
    // At the start nobody expects the server.
    if (said != "-" && said != went.error().what) log::info("watching {}: {}", path_of(kind), went.error().what);
    if (said != "-") said = went.error().what;
    (void)::poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace sublet::launcher
