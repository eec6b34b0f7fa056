// SPDX-License-Identifier: Apache-2.0
// For the tests: the members of small image archives.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launcher/images/contents.h"

namespace sublet::launcher::test {

using nlohmann::json;
/// Path and text of each member, in the order in which they stand in the tar.
using Members = std::vector<std::pair<std::string, std::string>>;

inline void add_blob(Members& members, const std::string& name, const std::string& text) {
  members.emplace_back("blobs/sha256/" + name, text);
}

inline json descriptor(const std::string& name, const std::string& text) {
  return {{"digest", "sha256:" + name}, {"size", text.size()}};
}

inline const std::string kLayer = std::string(3000, 'L');

/// Adds a manifest of one layer for `architecture`; gives its descriptor.
inline json add_image(Members& members, const std::string& prefix, const std::string& architecture) {
  const std::string config = json{{"os", "linux"}, {"architecture", architecture}}.dump();
  const std::string manifest =
      json{{"config", descriptor(prefix + "c", config)}, {"layers", {descriptor(prefix + "l", kLayer)}}}.dump();
  add_blob(members, prefix + "c", config);
  add_blob(members, prefix + "l", kLayer);
  add_blob(members, prefix + "m", manifest);
  return descriptor(prefix + "m", manifest);
}

inline json named(json image, const std::string& name) {
  image["annotations"] = {{"org.opencontainers.image.ref.name", name}};
  return image;
}

/// What skopeo makes.
inline Members oci_archive(const std::string& name = "docker.io/library/x:1") {
  Members members;
  const json image = named(add_image(members, "a", "amd64"), name);
  members.emplace_back("index.json", json{{"manifests", {image}}}.dump());
  members.emplace_back("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  return members;
}

/// What `docker save` made before version 25.
inline Members docker_archive() {
  return {{"abc.json", R"({"os":"linux","architecture":"amd64"})"},
          {"1/layer.tar", kLayer},
          {"2/layer.tar", kLayer},
          {"manifest.json",
           R"([{"Config":"abc.json","RepoTags":["redis:7","r.example/x:1"],"Layers":["1/layer.tar","2/layer.tar"]}])"}};
}

inline ArchiveContents contents(const Members& members) {
  ArchiveContents made;
  for (const auto& [path, text] : members) made.entries[path] = {.size = text.size(), .text = text};
  return made;
}

inline Members without(Members members, const std::string& path) {
  std::erase_if(members, [&](const auto& one) { return one.first == path; });
  return members;
}

}  // namespace sublet::launcher::test
