// SPDX-License-Identifier: Apache-2.0
#include "bypass/isolation.h"

#include <poll.h>

#include <nlohmann/json.hpp>

#include "base/unix_socket.h"
#include "bypass/hand_over.h"

namespace sublet::bypass {

using nlohmann::json;

bool is_isolated(const Isolation& isolation, const Record& pod) {
  if (isolation.all) return true;
  const auto found = isolation.free.find(pod.pod_namespace);
  return found != isolation.free.end() && !found->second.contains(pod.pod_uid);
}

std::string to_json(const Isolation& isolation) {
  std::string text = json{{"all", isolation.all}, {"free", isolation.free}}.dump();
  if (text.size() + kIsolationMessage.size() >= kMaxMessageBytes) text = to_json(Isolation{true, {}});
  return text;
}

Result<Isolation> isolation_from_json(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object() || object.size() != 2 || !object.contains("all") || !object.contains("free") ||
      !object["all"].is_boolean() || !object["free"].is_object())
    return fail("not a list of isolated pods");
  Isolation isolation;
  isolation.all = object["all"].get<bool>();
  for (const auto& [ns, uids] : object["free"].items()) {
    if (!uids.is_array()) return fail("pods of \"" + ns + "\" that are no list");
    std::set<std::string>& free = isolation.free[ns];
    for (const json& uid : uids) {
      if (!uid.is_string()) return fail("a pod of \"" + ns + "\" that is no text");
      free.insert(uid.get<std::string>());
    }
  }
  return isolation;
}

Result<void> tell_isolation(const std::string& path, const Isolation& isolation) {
  constexpr const char* kDoing = "telling the bypass's keeper of isolated pods";
  const UniqueFd keeper = TRY_WHILE(kDoing, reach_keeper(path));
  TRY_WHILE(kDoing, send_message(keeper.get(), std::string(kIsolationMessage) + to_json(isolation)));
  constexpr int kPatienceMs = 5000;
  pollfd poll{keeper.get(), POLLIN, 0};
  if (::poll(&poll, 1, kPatienceMs) != 1) return fail(std::string(kDoing) + ": no answer");
  const Message answer = TRY_WHILE(kDoing, receive_message(keeper.get()));
  if (answer.text != "ok") return fail(std::string(kDoing) + ": " + (answer.end ? "it is gone" : answer.text));
  return {};
}

}  // namespace sublet::bypass
