// SPDX-License-Identifier: Apache-2.0
// The name server of the programs under one `sublet exec`. Each name server that they ask has a stand-in here, a port
// of loopback; what a program sends there goes on to the one that it meant, bytes as they are, and at the same time to
// the cluster's, if the name may be one of the cluster's (launcher/exec/names.h) and the list of Services does not tell
// what that would say (launcher/exec/known_names.h). So time-outs, several servers and their order stay the program's
// own affair. Only sockets that the agent has connected get answers. Programs that look where an answer comes from ask
// in the nook (launcher/exec/nook.h), where one socket stands in for all name servers.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bypass/endpoint.h"
#include "launcher/exec/answer_cache.h"
#include "launcher/exec/lookup.h"
#include "launcher/exec/names.h"
#include "launcher/exec/socket_store.h"
#include "launcher/services/service_names.h"

namespace sublet::launcher {

struct ResolverPlan {
  NameRules rules;
  IpAddress cluster_server;  // in the cluster's network namespace
  std::uint16_t cluster_port = 53;
  UniqueFd nook_door;                   // may be empty: no nook
  std::optional<NamesReader> services;  // those names that the cluster need not be asked for
  // What time it is: tests say that themselves, as on a busy machine any wait may be a long one.
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

/// The host's search list, as its resolver has it: /etc/resolv.conf, LOCALDOMAIN, or the host's own domain.
[[nodiscard]] std::vector<std::string> host_search_domains();

class Resolver {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Resolver>> start(ResolverPlan plan, SocketStore& store);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Where a socket of family `domain` is to be connected to instead of `server`. Nothing: there can be no stand-in.
  [[nodiscard]] std::optional<bypass::RawAddress> stand_in_for(const bypass::RawAddress& server, int domain);
  /// Lets the socket with this address ask.
  void admit(const bypass::RawAddress& client);

 private:
  using Clock = std::chrono::steady_clock;
  struct Query;
  enum class SourceKind : std::uint8_t { kWake, kDoor, kStandIn, kUpstream, kCluster };
  struct Source {
    SourceKind kind;
    UniqueFd fd;
  };
  struct StandIn : Source {
    bypass::RawAddress server;  // whom it stands for; of the nook's: nobody, each question says it
    bypass::RawAddress own;     // where it listens
    bool in_nook = false;
  };
  struct Upstream : Source {
    Query* query = nullptr;
  };
  struct Query {
    StandIn* at = nullptr;
    bypass::RawAddress client;
    bypass::RawAddress server;
    std::optional<DnsQuestion> question;  // none: not for us to understand
    std::string message;
    std::vector<std::string> candidates;
    std::vector<std::uint16_t> ids;  // by which the cluster was asked
    Lookup lookup{0, false};
    Upstream upstream{{SourceKind::kUpstream, {}}, nullptr};
    Clock::time_point began;
  };
  struct Asked {
    Query* query;
    std::size_t candidate;
    std::string key;  // in cluster_said_
  };
  Resolver(ResolverPlan plan, SocketStore& store) : plan_(std::move(plan)), store_(store) {}
  void work();
  void on_door();
  void on_questions(StandIn& at);
  void on_question(StandIn& at, const bypass::RawAddress& client, const bypass::RawAddress& server,
                   std::string_view message);
  void on_upstream(Query& query);
  void on_cluster();
  [[nodiscard]] static std::string key_of(const Query& query);
  void ask_host(Query& query);
  void ask_cluster(Query& query);
  void conclude(Query& query);
  void answer(const Query& query, std::string_view message);
  void forget(Query& query);
  void patrol();
  [[nodiscard]] bool is_admitted(const bypass::RawAddress& client);
  [[nodiscard]] bool connect_cluster();
  [[nodiscard]] bool watch(Source& source) const;

  ResolverPlan plan_;
  SocketStore& store_;
  UniqueFd epoll_;
  Source wake_{SourceKind::kWake, {}};
  Source door_{SourceKind::kDoor, {}};
  Source cluster_{SourceKind::kCluster, {}};
  std::uint16_t next_id_ = 0;
  std::map<std::uint16_t, Asked> asked_;
  AnswerCache cluster_said_;
  AnswerCache host_said_;
  std::vector<std::unique_ptr<Query>> queries_;
  std::vector<std::unique_ptr<StandIn>> nook_;
  std::mutex mutex_;  // of what follows: the agent's thread uses it too
  std::vector<std::unique_ptr<StandIn>> stand_ins_;
  std::unordered_set<std::string> admitted_;
  std::deque<std::string> admitted_order_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sublet::launcher
