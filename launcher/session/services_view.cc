// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/services_view.h"

#include <nlohmann/json.hpp>

namespace sublet::launcher {

ServicesView::ServicesView(const std::vector<std::string>& names) {
  for (const std::string& name : names) services_.emplace_back(name, ServiceView{});
}

void ServicesView::apply(const NodeReport& report) {
  for (auto& [name, view] : services_) {
    if (name != report.service) continue;
    if (report.event == "started") {
      view.state = "starting";
      view.pid = report.pid;
      if (std::exchange(seen_[name], true)) ++view.restarts;
    } else {
      view.state = report.event;
      if (report.event == "ended") view.pid = 0;
      if (!report.detail.empty()) view.detail = report.detail;
    }
  }
}

nlohmann::json ServicesView::as_json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, view] : services_)
    list.push_back({{"name", name},
                    {"state", view.state},
                    {"restarts", view.restarts},
                    {"pid", view.pid},
                    {"last_end", view.detail}});
  return list;
}

}  // namespace sublet::launcher
