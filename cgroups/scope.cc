// SPDX-License-Identifier: Apache-2.0
#include "cgroups/scope.h"

#include <algorithm>
#include <cctype>

#include "cgroups/bus.h"
#include "cgroups/controllers.h"

namespace sublet::cgroups {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kObject = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

using Call = Handle<sd_bus_message, sd_bus_message_unref>;
using Slot = Handle<sd_bus_slot, sd_bus_slot_unref>;

// A bit for each CPU, lowest first (AllowedCPUs in org.freedesktop.systemd1(5)).
std::vector<std::uint8_t> mask_of(const std::vector<unsigned>& cpus) {
  std::vector<std::uint8_t> mask;
  for (unsigned cpu : cpus) {
    constexpr unsigned kBits = 8;
    if (mask.size() <= cpu / kBits) mask.resize(cpu / kBits + 1);
    mask[cpu / kBits] = static_cast<std::uint8_t>(mask[cpu / kBits] | (1U << (cpu % kBits)));
  }
  return mask;
}

struct Append {
  sd_bus_message* call;
  const char* name;
  int operator()(bool value) const { return sd_bus_message_append(call, "(sv)", name, "b", static_cast<int>(value)); }
  int operator()(const std::string& value) const {
    return sd_bus_message_append(call, "(sv)", name, "s", value.c_str());
  }
  int operator()(std::uint64_t value) const { return sd_bus_message_append(call, "(sv)", name, "t", value); }
  int operator()(const std::vector<std::uint32_t>& value) const { return array('u', value); }
  int operator()(const std::vector<std::uint8_t>& value) const { return array('y', value); }

 private:
  template <typename T>
  int array(char type, const std::vector<T>& value) const {
    const char contents[] = {'a', type, '\0'};
    int status = sd_bus_message_open_container(call, 'r', "sv");
    if (status >= 0) status = sd_bus_message_append(call, "s", name);
    if (status >= 0) status = sd_bus_message_open_container(call, 'v', contents);
    if (status >= 0) status = sd_bus_message_append_array(call, type, value.data(), value.size() * sizeof(T));
    if (status >= 0) status = sd_bus_message_close_container(call);
    return status < 0 ? status : sd_bus_message_close_container(call);
  }
};

// What has become of jobs; ours is not known before the call's answer, which may come after its end.
using Ended = std::vector<std::pair<std::string, std::string>>;  // job, result

int on_job_removed(sd_bus_message* message, void* data, sd_bus_error* /*error*/) {
  std::uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0) return 0;
  constexpr std::size_t kMost = 256;  // of others' jobs; ours is among the first
  auto* ended = static_cast<Ended*>(data);
  if (ended->size() < kMost) ended->emplace_back(job, result);
  return 0;
}

Result<Call> make_call(sd_bus* bus, const std::string& name, const std::vector<UnitProperty>& properties) {
  sd_bus_message* raw = nullptr;
  TRY(check(sd_bus_message_new_method_call(bus, &raw, kService, kObject, kManager, "StartTransientUnit"), "D-Bus"));
  Call call(raw);
  TRY(check(sd_bus_message_append(raw, "ss", name.c_str(), "fail"), "D-Bus"));
  TRY(check(sd_bus_message_open_container(raw, 'a', "(sv)"), "D-Bus"));
  for (const UnitProperty& property : properties)
    TRY(check(std::visit(Append{raw, property.name.c_str()}, property.value), property.name));
  TRY(check(sd_bus_message_close_container(raw), "D-Bus"));
  TRY(check(sd_bus_message_append(raw, "a(sa(sv))", 0), "D-Bus"));
  return call;
}

Result<std::string> send(sd_bus* bus, sd_bus_message* call, Clock::time_point deadline) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* raw = nullptr;
  int status = sd_bus_call(bus, call, std::max<std::uint64_t>(left_us(deadline), 1), &error, &raw);
  Call answer(raw);
  const std::string message = error.message != nullptr ? error.message : "";
  sd_bus_error_free(&error);
  if (status < 0 && !message.empty()) return fail(message);
  TRY(check(status, "D-Bus"));
  const char* job = nullptr;
  TRY(check(sd_bus_message_read(answer.get(), "o", &job), "the manager's answer"));
  return std::string(job);
}

Result<void> wait_for_job(sd_bus* bus, const std::string& job, const Ended& ended, Clock::time_point deadline) {
  for (;;) {
    auto found = std::find_if(ended.begin(), ended.end(), [&](const auto& each) { return each.first == job; });
    if (found != ended.end()) {
      if (found->second == "done") return {};
      return fail("its job ended as \"" + found->second + "\"");
    }
    int processed = sd_bus_process(bus, nullptr);
    TRY(check(processed, "D-Bus"));
    if (processed > 0) continue;
    if (left_us(deadline) == 0) return fail_errno("waiting for its job", ETIMEDOUT);
    TRY(check(sd_bus_wait(bus, left_us(deadline)), "D-Bus"));
  }
}

}  // namespace

std::vector<UnitProperty> scope_properties(pid_t pid, const Limits& limits,
                                           const std::vector<std::string>& controllers) {
  constexpr std::uint64_t kStopUs = 5'000'000;
  std::vector<UnitProperty> properties = {
      {"Description", std::string("sublet: a cluster in a job")},
      {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(pid)}},
      // With it systemd also leaves an OOM kill inside to us: OOMPolicy= would otherwise stop the whole scope.
      {"Delegate", true},
      {"CollectMode", std::string("inactive-or-failed")},
      // When the user's manager ends: node-init, as PID 1 of its namespace, takes no SIGTERM.
      {"TimeoutStopUSec", kStopUs},
  };
  auto add = [&](const char* name, const char* controller, const std::optional<std::uint64_t>& value) {
    if (value && has(controllers, controller)) properties.push_back({name, *value});
  };
  add("MemoryMax", "memory", limits.memory);
  add("MemorySwapMax", "memory", limits.swap);
  add("TasksMax", "pids", limits.tasks);
  add("CPUQuotaPerSecUSec", "cpu", limits.cpu_quota);
  add("CPUWeight", "cpu", limits.cpu_weight);
  if (!limits.cpus.empty() && has(controllers, "cpuset")) properties.push_back({"AllowedCPUs", mask_of(limits.cpus)});
  return properties;
}

std::string scope_name(const std::string& cluster, pid_t launcher) {
  std::string name = cluster;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') c = '_';
  return name + "-" + std::to_string(launcher) + ".scope";
}

Result<void> start_scope(const std::string& socket, const std::string& name,
                         const std::vector<UnitProperty>& properties, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  Bus bus = TRY(connect_to_bus(socket, deadline));
  TRY(check(sd_bus_set_method_call_timeout(bus.get(), std::max<std::uint64_t>(left_us(deadline), 1)), "D-Bus"));
  Ended ended;
  sd_bus_slot* raw = nullptr;
  TRY(check(sd_bus_match_signal(bus.get(), &raw, kService, kObject, kManager, "JobRemoved", on_job_removed, &ended),
            "asking D-Bus for signals"));
  const Slot slot(raw);
  Call call = TRY(make_call(bus.get(), name, properties));
  const std::string job = TRY(send(bus.get(), call.get(), deadline));
  return wait_for_job(bus.get(), job, ended, deadline);
}

}  // namespace sublet::cgroups
