// SPDX-License-Identifier: Apache-2.0
// Tells the API server what became of ports: the address in a LoadBalancer's status, and Events. A thread of its own,
// since the server may take its time, or be away; then it is tried again until it is told, or is not the news any more.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "launcher/api/client.h"

namespace sublet::launcher {

class Announcer {
 public:
  explicit Announcer(ClientPlan plan);
  ~Announcer();
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  /// A merge patch of the object at `path`. A later one takes the place of one that has not been told yet.
  void patch(const std::string& path, const std::string& body);
  /// A new object. Told once, or not at all where the server does not take it.
  void post(const std::string& path, const std::string& body);

 private:
  void work(const ClientPlan& plan);
  [[nodiscard]] bool tell_one(ApiClient& client, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::map<std::string, std::string> patches_;
  std::deque<std::pair<std::string, std::string>> posts_;
  std::thread thread_;
};

}  // namespace sublet::launcher
