// SPDX-License-Identifier: Apache-2.0
#include "launcher/verbs/layout.h"

#include "base/fs.h"

namespace sublet::launcher {
namespace {

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Layout find_layout(const std::string& executable) {
  const std::string directory = parent(executable);
  if (fs::exists(directory + "/oci/sublet-oci")) {
    const std::string build = parent(parent(directory));
    return {build + "/components", directory + "/oci/sublet-oci", build + "/images/pause.tar"};
  }
  const std::string prefix = parent(directory);
  return {prefix + "/libexec/sublet", prefix + "/libexec/sublet/sublet-oci", prefix + "/share/sublet/images/pause.tar"};
}

}  // namespace sublet::launcher
