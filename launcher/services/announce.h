// SPDX-License-Identifier: Apache-2.0
// Tells the API server what became of ports: the address in a LoadBalancer's status, and Events. A thread of its own,
// since the server may take its time, or be away; then it is told again until the server has heard it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
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
  /// A new object. Of those that wait, the newest hundred are kept.
  void post(const std::string& path, const std::string& body);

 private:
  struct News {
    enum class Kind : std::uint8_t { kPatch, kPost } kind;
    std::string path;
    std::string body;
    int refused = 0;  // times, by a server that was there
  };
  void add(News news);
  void work(const ClientPlan& plan);
  [[nodiscard]] bool tell_one(ApiClient& client, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<News> news_;
  std::thread thread_;
};

}  // namespace sublet::launcher
