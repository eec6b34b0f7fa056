// SPDX-License-Identifier: Apache-2.0
// Bus and systemd in one: answers a client until told to stop.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "base/fs.h"
#include "base/handle.h"
#include "base/unix_socket.h"

namespace sublet::cgroups::test {

class FakeBus {
 public:
  enum class Mood {
    kWilling,   // answers, then tells that the job is done
    kHasty,     // tells so before it answers
    kFailing,   // tells that the job has failed
    kRefusing,  // answers by an error
    kSilent,    // answers, and tells nothing
  };
  explicit FakeBus(Mood mood = Mood::kWilling) : mood_(mood), server_([this] { serve(); }) {}
  FakeBus(const FakeBus&) = delete;
  FakeBus& operator=(const FakeBus&) = delete;
  ~FakeBus() {
    stop_ = true;
    server_.join();
  }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] std::string socket() const { return directory() + "/bus"; }
  /// Of the last StartTransientUnit: the unit, and how many properties it came with. Read after the client's end.
  [[nodiscard]] const std::string& unit() const { return unit_; }
  [[nodiscard]] int properties() const { return properties_; }

 private:
  static int hello(sd_bus_message* message, void*, sd_bus_error*) {
    return sd_bus_reply_method_return(message, "s", ":1.1");
  }
  static int add_match(sd_bus_message* message, void*, sd_bus_error*) {
    return sd_bus_reply_method_return(message, "");
  }
  static int control_group(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
                           sd_bus_error*) {
    return sd_bus_message_append(reply, "s", "/user.slice/user@1.service");
  }
  static int start_unit(sd_bus_message* message, void* data, sd_bus_error* error) {
    auto& self = *static_cast<FakeBus*>(data);
    const char* unit = nullptr;
    const char* mode = nullptr;
    if (sd_bus_message_read(message, "ss", &unit, &mode) < 0) return -EINVAL;
    self.unit_ = unit;
    self.properties_ = 0;
    if (sd_bus_message_enter_container(message, 'a', "(sv)") < 0) return -EINVAL;
    while (sd_bus_message_skip(message, "(sv)") > 0) ++self.properties_;
    if (self.mood_ == Mood::kRefusing) return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "not for you");
    auto tell = [&](const char* job, const char* result) {
      sd_bus_message* signal = nullptr;
      (void)sd_bus_message_new_signal(sd_bus_message_get_bus(message), &signal, "/org/freedesktop/systemd1",
                                      "org.freedesktop.systemd1.Manager", "JobRemoved");
      const Handle<sd_bus_message, sd_bus_message_unref> owned(signal);
      (void)sd_bus_message_append(signal, "uoss", 7U, job, unit, result);
      (void)sd_bus_message_set_sender(signal, "org.freedesktop.systemd1");
      (void)sd_bus_send(nullptr, signal, nullptr);
    };
    // Another's comes first: it is not to be taken for ours.
    if (self.mood_ != Mood::kSilent) tell("/job/other", self.mood_ == Mood::kFailing ? "done" : "failed");
    if (self.mood_ == Mood::kHasty) tell("/job/ours", "done");
    int status = sd_bus_reply_method_return(message, "o", "/job/ours");
    if (self.mood_ == Mood::kWilling) tell("/job/ours", "done");
    if (self.mood_ == Mood::kFailing) tell("/job/ours", "failed");
    return status;
  }

  void serve() {
    static const sd_bus_vtable kBusObject[] = {
        SD_BUS_VTABLE_START(0), SD_BUS_METHOD("Hello", "", "s", hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("AddMatch", "s", "", add_match, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};
    static const sd_bus_vtable kManager[] = {
        SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("ControlGroup", "s", control_group, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", start_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END};
    while (!stop_) {
      int client = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) {
        (void)::poll(nullptr, 0, 2);
        continue;
      }
      sd_bus* raw = nullptr;
      if (sd_bus_new(&raw) < 0) return;
      Handle<sd_bus, sd_bus_close_unref> bus(raw);
      sd_id128_t id{};
      (void)sd_id128_randomize(&id);
      (void)sd_bus_set_fd(raw, client, client);
      (void)sd_bus_set_server(raw, 1, id);
      (void)sd_bus_add_object_vtable(raw, nullptr, "/org/freedesktop/DBus", "org.freedesktop.DBus", kBusObject, this);
      (void)sd_bus_add_object_vtable(raw, nullptr, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                     kManager, this);
      if (sd_bus_start(raw) < 0) return;
      while (!stop_) {
        int processed = sd_bus_process(raw, nullptr);
        if (processed < 0) break;  // the client has gone
        if (processed == 0) (void)sd_bus_wait(raw, 5'000);
      }
    }
  }

  fs::ScopedTempDir directory_ = *fs::ScopedTempDir::create();
  UniqueFd listener_ = *listen_unix(directory_.path() + "/bus", SOCK_STREAM | SOCK_NONBLOCK);
  Mood mood_;
  std::string unit_;
  int properties_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread server_;
};

}  // namespace sublet::cgroups::test
