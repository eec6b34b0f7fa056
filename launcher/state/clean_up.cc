// SPDX-License-Identifier: Apache-2.0
#include "launcher/state/clean_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>

#include <cstdio>

#include "base/fs.h"
#include "base/handle.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

constexpr int kCleanUpTimeoutMs = 120'000;  // some 100,000 files of unpacked images, on a slow disk
// Processes of a killed cluster end by themselves, but may still write for a moment.
constexpr int kAttempts = 50;
constexpr int kPauseMs = 20;

Result<std::vector<std::string>> entries_but_lock(const std::string& directory) {
  UniqueFd fd = TRY(sys::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const Handle<DIR, ::closedir> stream(::fdopendir(fd.get()));
  if (!stream) return fail_errno("fdopendir " + directory);
  (void)fd.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && name != kLockFile) names.push_back(name);
  }
  if (errno != 0) return fail_errno("reading " + directory);
  return names;
}

Result<void> empty_once(const std::string& directory) {
  for (const std::string& name : TRY(entries_but_lock(directory))) TRY(fs::remove_tree(directory + "/" + name));
  return {};
}

Result<void> empty_plainly(const std::string& directory) {
  for (int attempt = 1;; ++attempt) {
    auto emptied = empty_once(directory);
    if (emptied || !emptied.error().is(ENOTEMPTY) || attempt == kAttempts) return emptied;
    (void)::poll(nullptr, 0, kPauseMs);
  }
}

bool is_foreign(const Error& error) { return error.is(EACCES) || error.is(EPERM); }

Result<void> empty_in_namespace(const std::string& directory, const Cleaner& cleaner) {
  Command command;
  command.argv = cleaner.command;
  if (command.argv.empty()) {
    command.path = TRY(own_executable());
    command.argv = {"sublet", "clean-up"};
  }
  command.argv.push_back(directory);
  command.namespaces = CLONE_NEWUSER;
  command.when_created = cleaner.write_id_maps;
  command.become_root = true;
  const Output output = TRY_WHILE("removing files of other ids in " + directory, run(command, kCleanUpTimeoutMs));
  if (!output.status.success())
    return fail("removing files of other ids in " + directory + ": " +
                (output.err.empty() ? output.status.describe() : std::string(trim(output.err))));
  return {};
}

Error explained(Error error, const std::string& directory) {
  if (!error.hint.empty()) return error;
  if (error.is(EBUSY) || error.what.find("still mounted") != std::string::npos)
    return std::move(error).with_hint("unmount what `findmnt -l | grep " + directory +
                                      "` shows, then: sublet down --stale");
  if (is_foreign(error))
    return std::move(error).with_hint(
        "files there belong to ids that this process can't act for: run `sublet down --stale` with " +
        std::string("the identity settings that the cluster ran with"));
  return error;
}

// Holds a mistaken `sublet clean-up DIR` to what sublet made.
Result<void> check_is_ours(const std::string& directory) {
  const std::vector<std::string> parts = split(directory, '/');
  const bool named = parts.size() >= 3 && parts[0].empty() && parts[parts.size() - 2].starts_with("sublet-") &&
                     directory.find("/../") == std::string::npos;
  if (!named || !fs::exists(directory + "/" + kLockFile))
    return fail(directory + " is not a state directory of sublet", {}, ExitCode::kUsage);
  return {};
}

}  // namespace

Result<bool> empty_state_directory(const std::string& directory, const Cleaner& cleaner) {
  if (TRY(entries_but_lock(directory)).empty()) return false;
  auto emptied = empty_plainly(directory);
  if (!emptied && is_foreign(emptied.error()) && cleaner.write_id_maps)
    emptied = empty_in_namespace(directory, cleaner);
  if (!emptied) return tl::unexpected(explained(std::move(emptied).error(), directory));
  return true;
}

int clean_up_main(int argc, char** argv) {
  const auto done = [&]() -> Result<void> {
    constexpr int kWords = 3;
    if (argc != kWords) return fail("usage: sublet clean-up DIRECTORY", {}, ExitCode::kUsage);
    TRY(check_is_ours(argv[2]));
    return empty_plainly(argv[2]);
  }();
  if (done) return 0;
  std::fprintf(stderr, "%s\n", to_string(done.error()).c_str());
  return static_cast<int>(done.error().exit);
}

}  // namespace sublet::launcher
