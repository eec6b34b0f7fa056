// SPDX-License-Identifier: Apache-2.0
// A directory for a trial that leaves nothing behind, whoever is killed. Its maker holds a lock on it; where makers
// were killed, the next one takes away what nobody holds.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace sublet::launcher {

class Scratch {
 public:
  /// An empty directory below `parent`, gone with the object; first removes what others of ours have abandoned there.
  [[nodiscard]] static Result<Scratch> create(const std::string& parent);
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  Scratch(fs::ScopedTempDir directory, UniqueFd lock) : lock_(std::move(lock)), directory_(std::move(directory)) {}
  UniqueFd lock_;  // let go after the directory is removed
  fs::ScopedTempDir directory_;
};

/// Whether files can be made in `directory`, tried with one that never has a name there.
Result<void> try_writing(const std::string& directory);

}  // namespace sublet::launcher
