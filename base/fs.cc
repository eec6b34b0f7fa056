// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statfs.h>

#include <array>
#include <cstdlib>

#include "base/handle.h"
#include "base/sys.h"

namespace sublet::fs {
namespace {

using Directory = Handle<DIR, ::closedir>;

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

// Removes what is in the directory `dirfd` (consumed). `device` keeps the walk off other mounts.
Result<void> remove_contents(UniqueFd dirfd, dev_t device) {
  int fd = dirfd.get();
  Directory directory(::fdopendir(fd));
  if (!directory) return fail_errno("fdopendir");
  (void)dirfd.release();  // the DIR owns it now
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) {
      if (errno != 0) return fail_errno("readdir");
      return {};
    }
    const std::string name = entry->d_name;
    if (is_dots(name)) continue;
    if (::unlinkat(fd, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM && errno != EACCES) return fail_errno("unlink " + name);
    struct stat st {};
    if (::fstatat(fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno("stat " + name);
    if (!S_ISDIR(st.st_mode)) return fail_errno("unlink " + name, EPERM);
    if (st.st_dev != device) return fail(name + " is on another file system: something is still mounted there");
    // If it can't be opened up, opening it says so.
    if ((st.st_mode & S_IRWXU) != S_IRWXU) (void)!::fchmodat(fd, name.c_str(), 0700, 0);
    UniqueFd child = TRY(sys::openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY_WHILE(name, remove_contents(std::move(child), device));
    if (::unlinkat(fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return fail_errno("rmdir " + name);
  }
}

}  // namespace

Result<std::string> read_fd(int fd, std::size_t limit) {
  std::string text;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    std::size_t count = TRY(sys::read(fd, buffer));
    if (count == 0) return text;
    if (text.size() + count > limit) return fail("longer than " + std::to_string(limit) + " bytes");
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  UniqueFd fd = TRY(sys::open(path, O_RDONLY));
  return TRY_WHILE(path, read_fd(fd.get(), limit));
}

Result<std::string> read_tail(const std::string& path, std::size_t limit) {
  UniqueFd fd = TRY(sys::open(path, O_RDONLY));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return fail_errno("stat " + path);
  if (st.st_size > static_cast<off_t>(limit) && ::lseek(fd.get(), -static_cast<off_t>(limit), SEEK_END) < 0)
    return fail_errno("seek " + path);
  return TRY_WHILE(path, read_fd(fd.get(), limit + (std::size_t{1} << 20)));
}

Result<void> write_file(const std::string& path, std::string_view text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return fail_errno("create " + temporary);
  auto written = [&]() -> Result<void> {
    TRY(sys::write_all(fd.get(), text));
    if (::fchmod(fd.get(), mode) != 0) return fail_errno("chmod");
    return sys::rename(temporary, path);
  }();
  if (!written) {
    (void)::unlink(temporary.c_str());
    return tl::unexpected(std::move(written).error().while_doing("writing " + path));
  }
  return {};
}

Result<void> write_existing(const std::string& path, std::string_view text) {
  UniqueFd fd = TRY(sys::open(path, O_WRONLY));
  ssize_t count = ::write(fd.get(), text.data(), text.size());
  if (count < 0) return fail_errno("write " + path);
  if (static_cast<std::size_t>(count) != text.size()) return fail("write " + path + ": only a part was taken");
  return {};
}

bool exists(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      // A read-only parent answers EROFS for what exists already, too.
      int error = errno;
      struct stat st {};
      if (::stat(part.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return fail_errno("mkdir " + part, error);
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> remove_tree(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("stat " + path);
  }
  if (!S_ISDIR(st.st_mode)) return sys::unlink(path);
  if ((st.st_mode & S_IRWXU) != S_IRWXU) (void)!::chmod(path.c_str(), 0700);
  UniqueFd fd = TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY_WHILE("removing " + path, remove_contents(std::move(fd), st.st_dev));
  return sys::rmdir(path);
}

Result<std::int64_t> magic(const std::string& path) {
  struct statfs sf {};
  if (::statfs(path.c_str(), &sf) != 0) return fail_errno("statfs " + path);
  return static_cast<std::int64_t>(sf.f_type);
}

Result<Space> space(const std::string& path) {
  struct statfs sf {};
  if (::statfs(path.c_str(), &sf) != 0) return fail_errno("statfs " + path);
  auto block = static_cast<std::uint64_t>(sf.f_bsize);
  return Space{sf.f_blocks * block, sf.f_bavail * block, sf.f_ffree};
}

Result<ScopedTempDir> ScopedTempDir::create(const std::string& parent, std::string_view prefix) {
  std::string path = parent + "/" + std::string(prefix) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail_errno("mkdtemp " + path);
  return ScopedTempDir(std::move(path));
}

ScopedTempDir::~ScopedTempDir() {
  if (!path_.empty()) (void)remove_tree(path_);  // nobody is left to tell
}

}  // namespace sublet::fs
