// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {

std::vector<std::string> list_arguments() { return {"--namespace", "k8s.io", "images", "list"}; }

Result<std::vector<ListedImage>> parse_ctr_list(std::string_view text) {
  const std::vector<std::string> rows = lines(text);
  const std::vector<std::string> head = {"REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS"};
  if (rows.empty() || words(rows[0]) != head) return fail("`ctr images list` printed something else than its table");
  std::vector<ListedImage> images;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const std::vector<std::string> cells = words(rows[i]);
    // REF TYPE DIGEST NUMBER UNIT PLATFORMS LABELS…
    constexpr std::size_t kCells = 7;
    if (cells.size() < kCells || !cells[2].starts_with("sha256:"))
      return fail("`ctr images list` printed a line of another shape: " + rows[i]);
    const bool internal = cells[0].starts_with("sha256:") || cells[0].find("@sha256:") != std::string::npos;
    if (internal) continue;
    images.push_back({cells[0], cells[2], cells[3] + " " + cells[4], split(cells[5], ',')});
  }
  return images;
}

std::string images_text(const std::vector<ListedImage>& images) {
  constexpr std::size_t kShownDigest = 19;  // "sha256:" and twelve digits, as docker shows
  std::size_t width = std::string_view("NAME").size();
  for (const ListedImage& image : images) width = std::max(width, image.name.size());
  std::string text = fmt::format("{:<{}}  {:<{}}  {:>10}\n", "NAME", width, "DIGEST", kShownDigest, "SIZE");
  for (const ListedImage& image : images)
    text += fmt::format("{:<{}}  {:<{}}  {:>10}\n", image.name, width, image.digest.substr(0, kShownDigest),
                        kShownDigest, image.size);
  return text;
}

std::string images_json(const std::vector<ListedImage>& images) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const ListedImage& image : images)
    list.push_back(
        {{"name", image.name}, {"digest", image.digest}, {"size", image.size}, {"platforms", image.platforms}});
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sublet::launcher
