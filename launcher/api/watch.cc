// SPDX-License-Identifier: Apache-2.0
#include "launcher/api/watch.h"

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

Result<void> list(ApiClient& client, Watched& watched) {
  std::vector<json> objects;
  std::string next;
  for (;;) {
    const std::string more = next.empty() ? "" : "&continue=" + next;
    const json page = TRY(client.get(fmt::format("{}?limit={}{}", watched.path(), kPageSize, more)));
    const json metadata = page.value("metadata", json::object());
    if (!page.contains("items") || !page["items"].is_array()) return fail("a list without items");
    for (const json& item : page["items"]) objects.push_back(item);
    next = metadata.value("continue", "");
    if (!next.empty()) continue;
    watched.set_version(metadata.value("resourceVersion", ""));
    watched.replace(objects);
    return {};
  }
}

Result<void> watch(ApiClient& client, Watched& watched) {
  const std::string path = fmt::format("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                                       watched.path(), kWatchSeconds, watched.version());
  auto on_line = [&](std::string_view line) { return watched.apply(json::parse(line, nullptr, false)); };
  return client.follow(path, std::chrono::seconds(kWatchSeconds) + kGrace, on_line);
}

std::string version_of(const json& object) {
  if (!object.is_object() || !object.contains("metadata") || !object["metadata"].is_object()) return "";
  const json version = object["metadata"].value("resourceVersion", json());
  return version.is_string() ? version.get<std::string>() : "";
}

}  // namespace

WatchEvent watch_event(const json& event) {
  const std::string type =
      event.is_object() && event.contains("type") && event["type"].is_string() ? event["type"].get<std::string>() : "";
  const std::string version = event.is_object() ? version_of(event.value("object", json())) : "";
  if (version.empty()) return {WatchEvent::Kind::kEnd, ""};
  if (type == "ADDED" || type == "MODIFIED") return {WatchEvent::Kind::kPut, version};
  if (type == "DELETED") return {WatchEvent::Kind::kDrop, version};
  if (type == "BOOKMARK") return {WatchEvent::Kind::kBookmark, version};
  return {WatchEvent::Kind::kEnd, ""};
}

Result<void> follow_once(ApiClient& client, Watched& watched) {
  if (watched.version().empty()) TRY(list(client, watched));
  auto went = watch(client, watched);
  // That a version is too old comes as an answer instead of an event where the server knows it from the start.
  if (!went && !went.error().is(EAGAIN) && !went.error().is(ETIMEDOUT)) watched.set_version("");
  return went;
}

void follow(const ClientPlan& plan, Watched& watched, const std::function<bool()>& stopped) {
  std::string said = "-";  // one failure is said once, however often it is seen
  std::optional<ApiClient> client;
  while (!stopped()) {
    Result<void> went;
    if (!client) {
      auto made = ApiClient::create(plan);
      if (made)
        client = std::move(*made);
      else
        went = tl::unexpected(made.error());
    }
    if (client) went = follow_once(*client, watched);
    if (went) {
      said.clear();
      continue;
    }
    if (stopped()) return;
    watched.lost();
    // At the start nobody expects the server.
    if (said != "-" && said != went.error().what) log::info("watching {}: {}", watched.path(), went.error().what);
    if (said != "-") said = went.error().what;
    (void)::poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace sublet::launcher
