// SPDX-License-Identifier: Apache-2.0
// Files and directories: whole-file reads and writes, atomic replacement, trees.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::fs {

/// The whole file, at most `limit` bytes (a longer one is an error: every file we read has a sane size).
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{64} << 20);
/// The last `limit` bytes of the file, for the end of a log.
[[nodiscard]] Result<std::string> read_tail(const std::string& path, std::size_t limit);
/// All that is left to read from `fd` (from its current offset).
[[nodiscard]] Result<std::string> read_fd(int fd, std::size_t limit = std::size_t{64} << 20);
/// Writes a temporary file beside `path` and renames it over it: a reader sees the old or the new text, never a part.
Result<void> write_file(const std::string& path, std::string_view text, mode_t mode = 0600);
/// Writes to a file that exists, as to those of /proc, /sys and cgroupfs: in one write(2).
Result<void> write_existing(const std::string& path, std::string_view text);

[[nodiscard]] bool exists(const std::string& path);
/// mkdir -p: every missing directory of `path` gets `mode`.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);
/// Removes a directory and all below it, never following a link or crossing into another mount. What is missing already
/// is no error. Directories without owner permissions (0000, 0500) are opened up first.
Result<void> remove_tree(const std::string& path);

/// The file system's type (statfs(2), f_type).
[[nodiscard]] Result<std::int64_t> magic(const std::string& path);
struct Space {
  std::uint64_t total_bytes;
  std::uint64_t free_bytes;  // for us, not for root
  std::uint64_t free_inodes;
};
[[nodiscard]] Result<Space> space(const std::string& path);

/// A directory of our own that goes with the object.
class ScopedTempDir {
 public:
  /// Below `parent`, mode 0700.
  [[nodiscard]] static Result<ScopedTempDir> create(const std::string& parent = "/tmp",
                                                    std::string_view prefix = "sublet-");
  ScopedTempDir(ScopedTempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScopedTempDir& operator=(ScopedTempDir&&) = delete;
  ~ScopedTempDir();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit ScopedTempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace sublet::fs
