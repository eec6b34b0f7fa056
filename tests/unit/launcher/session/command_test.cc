// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/command.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

int status(const std::string& name) {
  auto found = find_command(name, "/components");
  return found ? 0 : static_cast<int>(found.error().exit);
}

TEST_CASE("command: found as a shell finds it, and refused with its statuses", "[session]") {
  auto directory = fs::ScopedTempDir::create();
  REQUIRE(directory);
  const std::string plain = directory->path() + "/plain";
  REQUIRE(fs::write_file(plain, "#!/bin/sh\n"));
  CHECK(status(plain) == 126);
  REQUIRE(sys::chmod(plain, 0700));
  CHECK(find_command(plain, "").value() == plain);
  CHECK(find_command("sh", "").value().ends_with("/sh"));
  CHECK(status("no-such-command-anywhere") == 127);
  CHECK(status(directory->path() + "/missing") == 127);
  CHECK(status(directory->path()) == 126);
  CHECK(status(plain + "/below-a-file") == 126);
}

TEST_CASE("command: the words are those of a start that fails", "[session]") {
  const auto found = find_command("/nowhere", "");
  REQUIRE_FALSE(found);
  CHECK(found.error().what == "/nowhere: exec: No such file or directory");
}

}  // namespace
}  // namespace sublet::launcher
