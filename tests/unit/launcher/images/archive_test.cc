// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <catch2/catch.hpp>

#include "base/fs.h"
#include "base/handle.h"
#include "base/sys.h"
#include "tests/unit/launcher/images/samples.h"

namespace sublet::launcher {
namespace {

using namespace test;

// `filter`: ARCHIVE_FILTER_NONE, _GZIP, _ZSTD.
void write_archive(const std::string& path, const Members& members, int filter = ARCHIVE_FILTER_NONE) {
  const Handle<::archive, archive_write_free> writer(archive_write_new());
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_add_filter(writer.get(), filter);
  archive_write_set_bytes_per_block(writer.get(), 512);
  REQUIRE(archive_write_open_filename(writer.get(), path.c_str()) == ARCHIVE_OK);
  for (const auto& [name, text] : members) {
    const Handle<::archive_entry, archive_entry_free> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
    REQUIRE(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK);
    REQUIRE(archive_write_data(writer.get(), text.data(), text.size()) == static_cast<la_ssize_t>(text.size()));
  }
  REQUIRE(archive_write_close(writer.get()) == ARCHIVE_OK);
}

// With "./" before each name, as tar(1) writes.
Members dotted(Members members) {
  for (auto& [name, text] : members) name.insert(0, "./");
  return members;
}

TEST_CASE("archive: plain and packed, both kinds", "[images]") {
  const auto dir = fs::ScopedTempDir::create();
  const std::string path = dir->path() + "/x.tar";
  for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD}) {
    for (const Members& members : {oci_archive(), dotted(oci_archive()), docker_archive()}) {
      write_archive(path, members, filter);
      const auto images = inspect_archive(path);
      REQUIRE(images);
      CHECK_THAT(images->front().name, Catch::StartsWith("docker.io/library/"));
    }
  }
}

TEST_CASE("archive: wherever it is cut off, that is noticed, and the file is named", "[images]") {
  const auto dir = fs::ScopedTempDir::create();
  const std::string path = dir->path() + "/cut.tar";
  // The big layer last: then nothing after it is missed, only its own end.
  Members last = oci_archive();
  std::rotate(last.begin() + 1, last.begin() + 2, last.end());
  for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP}) {
    for (const Members& members : {oci_archive(), last}) {
      write_archive(path, members, filter);
      const std::string whole = *fs::read_file(path);
      // The two blocks of zeros that end a tar carry nothing; and a layer's last block may be padding.
      const std::size_t needed = filter == ARCHIVE_FILTER_NONE ? whole.size() - 1024 : whole.size();
      const std::size_t step = filter == ARCHIVE_FILTER_NONE ? 97 : 13;
      for (std::size_t size = 0; size < needed; size += step) {
        CAPTURE(filter, size, whole.size());
        REQUIRE(fs::write_file(path, whole.substr(0, size)));
        const auto images = inspect_archive(path);
        REQUIRE_FALSE(images);
        CHECK_THAT(images.error().what, Catch::StartsWith("image archive " + path + ": "));
        CHECK_FALSE(images.error().hint.empty());
      }
    }
  }
}

TEST_CASE("archive: the last member cut within its data is cut off, not another thing", "[images]") {
  const auto dir = fs::ScopedTempDir::create();
  const std::string path = dir->path() + "/cut.tar";
  Members members = oci_archive();
  std::rotate(members.begin() + 1, members.begin() + 2, members.end());
  write_archive(path, members);
  const std::string whole = *fs::read_file(path);
  REQUIRE(fs::write_file(path, whole.substr(0, whole.size() - 1024 - 512)));
  const auto images = inspect_archive(path);
  REQUIRE_FALSE(images);
  CHECK_THAT(images.error().what, Catch::Contains("the archive is cut off"));
}

TEST_CASE("archive: other files are refused by name", "[images]") {
  const auto dir = fs::ScopedTempDir::create();
  const std::string path = dir->path() + "/x.tar";
  REQUIRE(fs::write_file(path,
                         "\x7f"
                         "ELF and more"));
  CHECK_FALSE(inspect_archive(path));
  REQUIRE(fs::write_file(path, std::string(4096, 'x')));
  const auto text = inspect_archive(path);
  REQUIRE_FALSE(text);
  CHECK_THAT(text.error().what, Catch::Contains(path) && Catch::Contains("no image archive"));
  write_archive(path, {{"etc/passwd", "root"}});
  CHECK_THAT(inspect_archive(path).error().what, Catch::Contains("neither oci-layout nor manifest.json"));
  CHECK_THAT(inspect_archive(dir->path()).error().what, Catch::Contains("not a regular file"));
  CHECK(inspect_archive(dir->path() + "/none").error().is(ENOENT));
}

TEST_CASE("archive: images.archives means files, and directories' archives by name", "[images]") {
  const auto dir = fs::ScopedTempDir::create();
  for (const char* name : {"b.tar", "a.tar.gz", "c.tgz", "d.tar.zst", "README", "tar"})
    REQUIRE(fs::write_file(dir->path() + "/" + name, ""));
  const std::string file = dir->path() + "/README";
  const auto archives = archives_in({file, dir->path()});
  REQUIRE(archives);
  CHECK(*archives == std::vector<std::string>{file, dir->path() + "/a.tar.gz", dir->path() + "/b.tar",
                                              dir->path() + "/c.tgz", dir->path() + "/d.tar.zst"});
  CHECK(archives_in({})->empty());
  const auto missing = archives_in({dir->path() + "/none"});
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().what, Catch::StartsWith("images.archives: ") && Catch::Contains("/none"));
}

}  // namespace
}  // namespace sublet::launcher
