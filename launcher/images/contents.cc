// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/contents.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "launcher/images/reference.h"

namespace sublet::launcher {
namespace {

using nlohmann::json;

// An index may hold indexes; deeper is nobody's.
constexpr int kDeepestIndex = 4;

std::string text_at(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& member(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found != object.end() ? *found : kNull;
}

const ArchiveContents::Entry* find(const ArchiveContents& contents, const std::string& path) {
  const auto found = contents.entries.find(path);
  return found != contents.entries.end() ? &found->second : nullptr;
}

Result<json> json_of(const ArchiveContents& contents, const std::string& path) {
  const ArchiveContents::Entry* entry = find(contents, path);
  if (entry == nullptr) return fail("it has no " + path);
  json parsed = json::parse(entry->text, nullptr, false);
  if (parsed.is_discarded()) return fail(path + " in it is not JSON");
  return parsed;
}

// "sha256:abc" → "blobs/sha256/abc"
std::string blob_path(const std::string& digest) {
  std::string path = digest;
  std::ranges::replace(path, ':', '/');
  return "blobs/" + path;
}

Unexpected incomplete(const std::string& what) {
  return fail("the archive is incomplete: " + what, "it was cut off or not fully written: make or copy it again");
}

std::string platform_of(const json& object) {
  const std::string os = text_at(object, "os");
  const std::string architecture = text_at(object, "architecture");
  if (architecture.empty()) return {};
  const std::string variant = text_at(object, "variant");
  return (os.empty() ? "linux" : os) + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

// A blob that must be there, with the size that its descriptor promises.
Result<std::uint64_t> check_blob(const ArchiveContents& contents, const json& descriptor) {
  const std::string digest = text_at(descriptor, "digest");
  const ArchiveContents::Entry* entry = find(contents, blob_path(digest));
  if (entry == nullptr) return incomplete("blob " + digest + " is missing");
  const json& size = member(descriptor, "size");
  if (size.is_number_unsigned() && size.get<std::uint64_t>() != entry->size && !entry->link)
    return incomplete("blob " + digest + " has " + std::to_string(entry->size) + " of " +
                      std::to_string(size.get<std::uint64_t>()) + " bytes");
  return entry->size;
}

Result<void> add_manifest(const ArchiveContents& contents, const json& manifest, ImageInfo& image) {
  const json& config = member(manifest, "config");
  image.bytes += TRY(check_blob(contents, config));
  for (const json& layer : member(manifest, "layers")) {
    // Layers that may not be redistributed carry where to fetch them, and are left out of archives.
    if (member(layer, "urls").is_array() && find(contents, blob_path(text_at(layer, "digest"))) == nullptr) continue;
    image.bytes += TRY(check_blob(contents, layer));
  }
  const auto parsed = json_of(contents, blob_path(text_at(config, "digest")));
  const std::string platform = parsed ? platform_of(*parsed) : std::string();
  if (!platform.empty() && platform.find("unknown") == std::string::npos) image.platforms.push_back(platform);
  return {};
}

// Adds what `descriptor` leads to: a manifest, or an index of them. False: its blob is not in the archive.
Result<bool> add_descriptor(const ArchiveContents& contents, const json& descriptor, int depth, ImageInfo& image) {
  const std::string path = blob_path(text_at(descriptor, "digest"));
  if (find(contents, path) == nullptr) return false;
  image.bytes += TRY(check_blob(contents, descriptor));
  const json object = TRY(json_of(contents, path));
  const json& manifests = member(object, "manifests");
  if (!manifests.is_array()) {
    TRY(add_manifest(contents, object, image));
    return true;
  }
  if (depth == kDeepestIndex) return fail("its indexes are nested too deeply");
  bool any = false;
  for (const json& inner : manifests) any = TRY(add_descriptor(contents, inner, depth + 1, image)) || any;
  if (!any) return incomplete("no manifest of index " + text_at(descriptor, "digest") + " is in it");
  return true;
}

Result<std::vector<ImageInfo>> oci_images(const ArchiveContents& contents) {
  const json index = TRY(json_of(contents, "index.json"));
  const json& manifests = member(index, "manifests");
  if (!manifests.is_array() || manifests.empty()) return fail("index.json in it names no image");
  std::vector<ImageInfo> images;
  for (const json& descriptor : manifests) {
    const json& annotations = member(descriptor, "annotations");
    // containerd looks at its own annotation first.
    std::string name = text_at(annotations, "io.containerd.image.name");
    if (name.empty()) name = text_at(annotations, "org.opencontainers.image.ref.name");
    ImageInfo image{.name = name, .digest = text_at(descriptor, "digest")};
    if (!TRY(add_descriptor(contents, descriptor, 0, image)))
      return incomplete("manifest " + image.digest + " is missing");
    images.push_back(std::move(image));
  }
  return images;
}

Result<ImageInfo> docker_image(const ArchiveContents& contents, const json& manifest) {
  ImageInfo image;
  std::vector<std::string> members = {text_at(manifest, "Config")};
  for (const json& layer : member(manifest, "Layers"))
    if (layer.is_string()) members.push_back(layer);
  for (const std::string& path : members) {
    const ArchiveContents::Entry* entry = find(contents, path);
    if (entry == nullptr) return incomplete("\"" + path + "\" is missing");
    image.bytes += entry->size;
  }
  const json config = TRY(json_of(contents, members[0]));
  if (const std::string platform = platform_of(config); !platform.empty()) image.platforms.push_back(platform);
  return image;
}

Result<std::vector<ImageInfo>> docker_images(const ArchiveContents& contents) {
  const json manifests = TRY(json_of(contents, "manifest.json"));
  if (!manifests.is_array() || manifests.empty()) return fail("manifest.json in it names no image");
  std::vector<ImageInfo> images;
  for (const json& manifest : manifests) {
    const ImageInfo image = TRY(docker_image(contents, manifest));
    const json& tags = member(manifest, "RepoTags");
    if (!tags.is_array() || tags.empty()) images.push_back(image);
    for (const json& tag : tags) {
      images.push_back(image);
      if (tag.is_string()) images.back().name = full_reference(tag);
    }
  }
  return images;
}

}  // namespace

Result<std::vector<ImageInfo>> images_in(const ArchiveContents& contents) {
  // `docker save` has written both kinds into one file since version 25; containerd takes the OCI one then.
  if (find(contents, "oci-layout") != nullptr) return oci_images(contents);
  if (find(contents, "manifest.json") != nullptr) return docker_images(contents);
  return fail("it is no image archive: it has neither oci-layout nor manifest.json",
              "`docker save`, `podman save`, `skopeo copy … oci-archive:FILE:NAME` and buildah make such archives");
}

}  // namespace sublet::launcher
