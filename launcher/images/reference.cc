// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/reference.h"

namespace sublet::launcher {

std::string full_reference(const std::string& name) {
  if (name.empty()) return name;
  std::string full = name;
  const std::size_t slash = full.find('/');
  const std::string first = slash == std::string::npos ? std::string() : full.substr(0, slash);
  // The first part is a host only if it looks like one.
  const bool has_host = first == "localhost" || first.find_first_of(".:") != std::string::npos;
  if (!has_host) full.insert(0, slash == std::string::npos ? "docker.io/library/" : "docker.io/");
  const std::string last = full.substr(full.rfind('/') + 1);
  if (last.find_first_of(":@") == std::string::npos) full += ":latest";
  return full;
}

}  // namespace sublet::launcher
