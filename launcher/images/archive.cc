// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/handle.h"
#include "base/sys.h"

namespace sublet::launcher {
namespace {

using Reader = Handle<::archive, archive_read_free>;
using Directory = Handle<DIR, ::closedir>;

constexpr std::size_t kBlockBytes = std::size_t{128} << 10;
// What is kept of all JSON members together: far more than the manifests of any archive.
constexpr std::uint64_t kTextLimit = std::uint64_t{256} << 20;
constexpr std::size_t kMostEntries = 1'000'000;

Unexpected cut_off(const std::string& why) {
  return fail("the archive is cut off: " + why, "it was not fully written or copied: make or copy it again");
}

Unexpected unreadable(::archive* reader) {
  const char* text = archive_error_string(reader);
  const std::string why = text != nullptr ? text : "unreadable";
  // libarchive has no codes for its causes.
  const bool short_one = why.find("runcated") != std::string::npos || why.find("end of file") != std::string::npos ||
                         why.find("needed") != std::string::npos;
  if (short_one) return cut_off(why);
  return fail("it is no image archive (tar): " + why, "it may be damaged or of another kind: make or copy it again");
}

// "./blobs/x" and "blobs/x/" are "blobs/x".
std::string plain_path(const char* path) {
  std::string plain = path != nullptr ? path : "";
  while (plain.starts_with("./")) plain.erase(0, 2);
  while (plain.ends_with('/')) plain.pop_back();
  return plain;
}

bool may_be_json(const std::string& path, std::uint64_t size) {
  return size <= kLargestManifest && (path.starts_with("blobs/") || path == "oci-layout" || path.ends_with(".json"));
}

// The text if it begins as JSON does; else nothing, and the rest of the member is left to be skipped.
Result<std::string> read_json(::archive* reader, std::uint64_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const la_ssize_t count = archive_read_data(reader, text.data() + at, text.size() - at);
    if (count < 0) return unreadable(reader);
    if (count == 0) return cut_off("a member ends early");
    if (at == 0 && text[0] != '{' && text[0] != '[') return std::string();
    at += static_cast<std::size_t>(count);
  }
  return text;
}

Result<void> take_entry(::archive* reader, ::archive_entry* header, ArchiveContents& contents, std::uint64_t& kept) {
  const std::string path = plain_path(archive_entry_pathname(header));
  const auto type = archive_entry_filetype(header);
  const bool link = archive_entry_hardlink(header) != nullptr || type == AE_IFLNK;
  if (type != AE_IFREG && !link) return {};
  if (contents.entries.size() == kMostEntries) return fail("it has too many members for an image archive");
  ArchiveContents::Entry entry{.size = static_cast<std::uint64_t>(archive_entry_size(header)), .link = link};
  if (!link && may_be_json(path, entry.size)) {
    entry.text = TRY(read_json(reader, entry.size));
    kept += entry.text.size();
    if (kept > kTextLimit) return fail("its manifests are too large");
  }
  contents.entries.insert_or_assign(path, std::move(entry));
  return {};
}

// Read by callbacks of our own, for the sake of skip(): libarchive's seeks past the end of a short file without a word.
// Told that less could be skipped, it reads on, and says that the file is cut off.
struct Input {
  UniqueFd fd;
  std::int64_t size = 0;
  std::int64_t at = 0;
  std::vector<std::byte> block = std::vector<std::byte>(kBlockBytes);
};

la_ssize_t read_block(::archive* reader, void* data, const void** block) {
  auto* input = static_cast<Input*>(data);
  auto count = sys::read(input->fd.get(), input->block);
  if (!count) {
    archive_set_error(reader, count.error().code.value(), "%s", count.error().what.c_str());
    return -1;
  }
  input->at += static_cast<std::int64_t>(*count);
  *block = input->block.data();
  return static_cast<la_ssize_t>(*count);
}

la_int64_t skip(::archive*, void* data, la_int64_t request) {
  auto* input = static_cast<Input*>(data);
  const std::int64_t possible = std::clamp<std::int64_t>(input->size - input->at, 0, request);
  if (::lseek(input->fd.get(), possible, SEEK_CUR) < 0) return 0;
  input->at += possible;
  return possible;
}

Result<void> read_contents(::archive* reader, ArchiveContents& contents) {
  std::uint64_t kept = 0;
  for (;;) {
    ::archive_entry* header = nullptr;
    const int status = archive_read_next_header(reader, &header);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return unreadable(reader);
    TRY(take_entry(reader, header, contents, kept));
  }
}

Result<std::vector<ImageInfo>> inspect(const std::string& path) {
  Input input{.fd = TRY(sys::open(path, O_RDONLY | O_NONBLOCK))};
  struct stat st {};
  if (::fstat(input.fd.get(), &st) != 0) return fail_errno("stat");
  if (!S_ISREG(st.st_mode)) return fail("it is not a regular file");
  if (st.st_size == 0) return cut_off("it is empty");
  input.size = st.st_size;
  const Reader reader(archive_read_new());
  if (!reader) return fail("libarchive can't be initialised");
  // No other formats and filters: containerd would not take them either.
  archive_read_support_format_tar(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_zstd(reader.get());
  if (archive_read_open2(reader.get(), &input, nullptr, read_block, skip, nullptr) != ARCHIVE_OK)
    return unreadable(reader.get());
  ArchiveContents contents;
  TRY(read_contents(reader.get(), contents));
  return images_in(contents);
}

bool is_archive_name(const std::string& name) {
  constexpr std::array<std::string_view, 4> kEndings = {".tar", ".tar.gz", ".tgz", ".tar.zst"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

Result<std::vector<ImageInfo>> inspect_archive(const std::string& path) {
  return TRY_WHILE("image archive " + path, inspect(path));
}

Result<std::vector<std::string>> archives_in(const std::vector<std::string>& paths) {
  std::vector<std::string> archives;
  for (const std::string& path : paths) {
    const struct stat st = TRY_WHILE("images.archives", sys::stat(path));
    if (!S_ISDIR(st.st_mode)) {
      archives.push_back(path);
      continue;
    }
    const Directory directory(::opendir(path.c_str()));
    if (!directory) return fail_errno("images.archives: open " + path);
    std::vector<std::string> found;
    while (const dirent* entry = ::readdir(directory.get()))
      if (is_archive_name(entry->d_name)) found.push_back(path + "/" + entry->d_name);
    std::ranges::sort(found);
    archives.insert(archives.end(), found.begin(), found.end());
  }
  return archives;
}

}  // namespace sublet::launcher
