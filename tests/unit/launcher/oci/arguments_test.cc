// SPDX-License-Identifier: Apache-2.0
#include "launcher/oci/arguments.h"

#include <catch2/catch.hpp>

#include "base/strings.h"

using namespace sublet::launcher;

namespace {

struct Row {
  const char* line;
  const char* verb;
  const char* bundle;
  const char* process;
  const char* log;
  bool log_json;
  bool rootless_given;
};

const Row kRows[] = {
    // As containerd's shim calls.
    {"--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json create --bundle /b --pid-file /b/init.pid "
     "ID",
     "create", "/b", "", "/b/log.json", true, false},
    {"--root /r --log /b/log.json --log-format json --systemd-cgroup exec --process /tmp/runc-process1 --detach "
     "--pid-file /b/1.pid ID",
     "exec", ".", "/tmp/runc-process1", "/b/log.json", true, false},
    {"--root /r --log /l --log-format json restore --image-path /i --bundle /b ID", "restore", "/b", "", "/l", true,
     false},
    {"--root /r delete --force ID", "delete", ".", "", "", false, false},
    {"features", "features", ".", "", "", false, false},
    {"--version", "", ".", "", "", false, false},
    {"", "", ".", "", "", false, false},
    // As people do.
    {"-log=/l -log-format=text --rootless=false --debug run -b /b ID", "run", "/b", "", "/l", false, true},
    {"--rootless auto create ID --bundle=/b", "create", "/b", "", "", false, true},
    {"run ID", "run", ".", "", "", false, false},
    // Values and arguments that look like something else.
    {"--root create --log exec create --pid-file --bundle ID", "create", ".", "", "exec", false, false},
    {"exec ID ls --process /x", "exec", ".", "", "", false, false},
    {"exec -p /p ID", "exec", ".", "/p", "", false, false},
    {"exec --env --process ID", "exec", ".", "", "", false, false},
    {"create --bundle", "create", ".", "", "", false, false},
    {"create -- --bundle /b", "create", ".", "", "", false, false},
    {"--unknown create --bundle /b", "create", "/b", "", "", false, false},
};

}  // namespace

TEST_CASE("oci arguments: what the runtime is asked for", "[oci]") {
  for (const Row& row : kRows) {
    INFO(row.line);
    const OciArguments parsed = parse_oci_arguments(sublet::words(row.line));
    CHECK(parsed.verb == row.verb);
    CHECK(parsed.bundle == row.bundle);
    CHECK(parsed.process == row.process);
    CHECK(parsed.log == row.log);
    CHECK(parsed.log_json == row.log_json);
    CHECK(parsed.rootless_given == row.rootless_given);
  }
}
