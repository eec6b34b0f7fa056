// SPDX-License-Identifier: Apache-2.0
#include "launcher/node/pods.h"

#include <signal.h>

#include <catch2/catch.hpp>

using namespace sublet::launcher;

TEST_CASE("pods: who is told what when the cluster is taken down", "[node]") {
  auto process = [](const char* comm, bool service, bool init, bool catches, bool zombie = false) {
    return ProcessFacts{7, comm, service, init, catches, zombie};
  };
  CHECK(farewell(process("etcd", true, false, true)) == Farewell::kNone);
  CHECK(farewell(process("containerd-shim", false, false, true)) == Farewell::kNone);
  CHECK(farewell(process("sh", false, true, false, true)) == Farewell::kNone);
  CHECK(farewell(process("redis-server", false, true, true)) == Farewell::kTerminate);
  // Pid 1 of a namespace without a handler never sees SIGTERM: waiting for it would be in vain.
  CHECK(farewell(process("sleep", false, true, false)) == Farewell::kKill);
  CHECK(farewell(process("sleep", false, false, false)) == Farewell::kTerminate);
}

TEST_CASE("pods: /proc/PID/status is read", "[node]") {
  const char* status = "Name:\tsh\nState:\tS (sleeping)\nNSpid:\t345\t1\nSigCgt:\t0000000000014000\n";
  CHECK(catches(status, SIGTERM));  // bit 14
  CHECK(catches(status, SIGCHLD));  // bit 16
  CHECK_FALSE(catches(status, SIGHUP));
  CHECK(is_namespace_init(status));
  CHECK_FALSE(is_namespace_init("Name:\tx\nNSpid:\t1\n"));
  CHECK_FALSE(is_namespace_init("Name:\tx\nNSpid:\t345\t21\n"));
  CHECK_FALSE(catches("Name:\tx\nSigCgt:\tzz\n", SIGTERM));
  CHECK_FALSE(catches("", SIGTERM));
}
