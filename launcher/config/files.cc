// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/fs.h"
#include "base/sys.h"
#include "launcher/config/toml.h"

namespace sublet::launcher {
namespace {

constexpr std::size_t kMaxSecretBytes = std::size_t{1} << 20;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

Unexpected refuse(std::string what, std::string hint) {
  return fail(std::move(what), std::move(hint), ExitCode::kUsage);
}

/// As sshd's StrictModes, one level up: who can write the directory can put another file in its place.
Result<void> check_owner(const std::string& path, const struct stat& file) {
  if (file.st_uid != ::geteuid() && file.st_uid != 0) {
    return refuse(fmt::format("{}: belongs to another user (uid {})", path, file.st_uid),
                  "it could make sublet run that user's programs as you: copy it");
  }
  if ((file.st_mode & kWritableByOthers) != 0) {
    return refuse(fmt::format("{}: others can write it (mode {:04o})", path, file.st_mode & 07777U),
                  fmt::format("it could make sublet run their programs as you: chmod go-w {}", path));
  }
  std::error_code ignored;
  std::filesystem::path dir = std::filesystem::weakly_canonical(path, ignored).parent_path();
  if (dir.empty()) return {};
  struct stat parent = TRY(sys::stat(dir.string()));
  if ((parent.st_mode & kWritableByOthers) != 0 && (parent.st_mode & S_ISVTX) == 0) {
    return refuse(fmt::format("{}: others can replace it: they can write {} (mode {:04o})", path, dir.string(),
                              parent.st_mode & 07777U),
                  fmt::format("chmod go-w {}", dir.string()));
  }
  return {};
}

Result<void> check_is_secret(const std::string& path, const struct stat& found) {
  if (!S_ISREG(found.st_mode)) return refuse(fmt::format("{}: is not a regular file", path), {});
  if ((found.st_mode & 077) != 0) {
    return refuse(fmt::format("{}: others can read it (mode {:04o})", path, found.st_mode & 07777U),
                  fmt::format("chmod 600 {}", path));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> toml_files(const std::string& dir) {
  std::vector<std::string> files;
  if (dir.empty() || !fs::exists(dir)) return files;
  std::error_code error;
  std::filesystem::directory_iterator entries(dir, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::filesystem::path& path = entries->path();
    if (path.extension() == ".toml" && !path.filename().string().starts_with('.')) files.push_back(path.string());
  }
  if (error) {
    return Unexpected(Error{.what = fmt::format("{}: {}", dir, error.message()),
                            .hint = "the site's configuration must be readable by all its users",
                            .code = error,
                            .exit = ExitCode::kUsage});
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::optional<std::string>> read_trusted_file(const std::string& path, bool required) {
  if (path == "/dev/null") return std::optional<std::string>("");
  // O_NONBLOCK: a FIFO without a writer must not hang us.
  Result<UniqueFd> file = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    bool missing = file.error().is(ENOENT) || file.error().is(ENOTDIR);
    bool dangling = file.error().is(ENOENT) && sys::lstat(path).has_value();
    if (missing && !dangling && !required) return std::optional<std::string>();
    std::string hint = dangling                  ? "it is a link whose target is missing: remove or repair it"
                       : file.error().is(EACCES) ? "it must be readable by you"
                                                 : "";
    return refuse(fmt::format("{}: {}", path, file.error().code.message()), hint);
  }
  struct stat found {};
  if (::fstat(file->get(), &found) != 0) return fail_errno(path);
  if (!S_ISREG(found.st_mode)) return refuse(fmt::format("{}: is not a regular file", path), {});
  TRY(check_owner(path, found));
  Result<std::string> text = fs::read_fd(file->get(), kMaxConfigBytes + 1);
  if (!text) return refuse(fmt::format("{}: {}", path, text.error().what), {});
  return std::optional<std::string>(std::move(*text));
}

Result<void> check_secret_file(const std::string& path) { return check_is_secret(path, TRY(sys::stat(path))); }

Result<std::string> read_secret_file(const std::string& path) {
  const UniqueFd file = TRY(sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return fail_errno(path);
  TRY(check_is_secret(path, found));
  return TRY_WHILE(path, fs::read_fd(file.get(), kMaxSecretBytes));
}

}  // namespace sublet::launcher
