// SPDX-License-Identifier: Apache-2.0
#include "bypass/report.h"

#include <nlohmann/json.hpp>

namespace sublet::bypass {
namespace {

using nlohmann::json;

json counts(const Counters& counters) {
  json left = json::object();
  for (std::size_t i = 1; i < counters.left.size(); ++i)
    if (const std::uint64_t count = counters.left[i].load(); count > 0) left[name_of(static_cast<Reason>(i))] = count;
  return {{"sockets", counters.sockets.load()},
          {"connections", counters.connections.load()},
          {"datagrams", counters.datagrams.load()},
          {"failed", counters.failed.load()},
          {"inward",
           {{"handed", counters.handed.load()},
            {"relayed", counters.relayed.load()},
            {"refused", counters.refused.load()},
            {"lost", counters.lost.load()},
            {"waiting", counters.waiting.load()}}},
          {"left", std::move(left)}};
}

}  // namespace

void add_up(Counters& to, const Counters& from) {
  to.sockets += from.sockets.load();
  to.connections += from.connections.load();
  to.datagrams += from.datagrams.load();
  to.failed += from.failed.load();
  to.handed += from.handed.load();
  to.relayed += from.relayed.load();
  to.refused += from.refused.load();
  to.lost += from.lost.load();
  to.waiting += from.waiting.load();
  for (std::size_t i = 0; i < to.left.size(); ++i) to.left[i] += from.left[i].load();
}

std::string report_as_json(const std::string& device, std::size_t listeners,
                           const std::vector<std::shared_ptr<Pod>>& pods, const Counters& ended, const json& ports) {
  Counters total;
  add_up(total, ended);
  json rows = json::array();
  for (const std::shared_ptr<Pod>& pod : pods) {
    add_up(total, pod->counters);
    json row = counts(pod->counters);
    row["namespace"] = pod->record.pod_namespace;
    row["pod"] = pod->record.pod_name;
    row["uid"] = pod->record.pod_uid;
    row["level"] = name_of(pod->record.level);
    rows.push_back(std::move(row));
  }
  return json{{"schema", 1},    {"device", device},       {"listeners", listeners}, {"pods", std::move(rows)},
              {"ports", ports}, {"ended", counts(ended)}, {"total", counts(total)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace sublet::bypass
