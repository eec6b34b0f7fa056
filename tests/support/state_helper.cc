// SPDX-License-Identifier: Apache-2.0
// The other process in tests/integration/state_test.cc. Prints one line when it has done what it was asked for.
//   hold BASE NAME        takes the name and keeps it until end of input
//   cycle BASE NAME N     takes and removes it N times; "taken" counts as well, anything else is an error
//   adopt PATH FD         goes on with a lock that was passed
//   make PATH UID         (root of a user namespace) a tree whose files belong to UID
//   full BASE             (the same, own mounts) makes a state directory on a full tmpfs put on BASE
//   mounted BASE          (the same) removes a state directory in which something is mounted
//   clean-up DIR          the product's hidden verb
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/fs.h"
#include "base/strings.h"
#include "base/sys.h"
#include "launcher/state/state_dir.h"

namespace {

using namespace sublet;
using namespace sublet::launcher;

StatePlan plan(const std::string& base, const std::string& name) {
  return {.base = base, .uid = ::getuid(), .id = {.name = name}};
}

int say(const std::string& text, int status = 0) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
  return status;
}

int wait_for_end() {
  char c = 0;
  while (::read(0, &c, 1) > 0) {
  }
  return 0;
}

int hold(const std::string& base, const std::string& name) {
  auto state = StateDir::create(plan(base, name), {});
  if (!state) return say(to_string(state.error()), 1);
  (void)state->write_status("{}");
  (void)fs::make_directories(state->file("lib/etcd"));
  say(state->cleared_stale() ? "held, cleared" : "held");
  return wait_for_end();
}

int cycle(const std::string& base, const std::string& name, int times) {
  int taken = 0;
  for (int i = 0; i < times; ++i) {
    auto state = StateDir::create(plan(base, name), {});
    if (!state && state.error().what.starts_with("making the state directory: name taken")) {
      ++taken;
      continue;
    }
    if (!state) return say(to_string(state.error()), 1);
    // Alone here: what another had made or was removing would be seen.
    if (fs::exists(state->file("mine")) || !fs::write_file(state->file("mine"), "x")) return say("not alone", 1);
    if (auto removed = std::move(*state).remove({}); !removed) return say(to_string(removed.error()), 1);
  }
  return say("done, taken " + std::to_string(taken));
}

int adopt(const std::string& path, int fd) {
  auto state = StateDir::adopt(path, UniqueFd(fd));
  if (!state) return say(to_string(state.error()), 1);
  say("adopted");
  return wait_for_end();
}

int make(const std::string& path, uid_t owner) {
  for (const std::string& directory : {path, path + "/deep", path + "/deep/shut"}) {
    if (!fs::make_directories(directory) || !fs::write_file(directory + "/file", "x")) return say("not made", 1);
  }
  for (const char* name : {"/file", "/deep/file", "/deep/shut/file", "/deep/shut", "/deep", ""}) {
    if (::chown((path + name).c_str(), owner, owner) != 0) return say("not given away", 1);
  }
  (void)sys::chmod(path + "/deep/shut", 0000);
  return say("made");
}

int full(const std::string& base) {
  if (!sys::mount("full", base, "tmpfs", 0, "size=8k,nr_inodes=2,mode=0700")) return say("no tmpfs", 1);
  auto state = StateDir::create(plan(base, "x"), {});
  return say(state ? "made" : to_string(state.error()));
}

int mounted(const std::string& base) {
  auto state = StateDir::create(plan(base, "x"), {});
  if (!state) return say(to_string(state.error()), 1);
  const std::string inside = state->file("lib/left");
  if (!fs::make_directories(inside) || !sys::mount("left", inside, "tmpfs", 0)) return say("no tmpfs", 1);
  (void)fs::write_file(inside + "/kept", "x");
  auto removed = std::move(*state).remove({});
  if (!fs::exists(inside + "/kept")) return say("it went into the mount", 1);
  return say(removed ? "removed" : to_string(removed.error()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "clean-up") return clean_up_main(argc, argv);
  if (verb == "hold" && argc == 4) return hold(argv[2], argv[3]);
  if (verb == "cycle" && argc == 5) return cycle(argv[2], argv[3], parse_int<int>(argv[4]).value_or(0));
  if (verb == "adopt" && argc == 4) return adopt(argv[2], parse_int<int>(argv[3]).value_or(-1));
  if (verb == "make" && argc == 4) return make(argv[2], parse_int<uid_t>(argv[3]).value_or(0));
  if (verb == "full" && argc == 3) return full(argv[2]);
  if (verb == "mounted" && argc == 3) return mounted(argv[2]);
  return say("usage: see the top of state_helper.cc", 2);
}
