// SPDX-License-Identifier: Apache-2.0
// images import, images list: by ctr, whose socket the state directory shows on the host.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/process.h"
#include "launcher/cluster/files.h"
#include "launcher/images/archive.h"
#include "launcher/images/import.h"
#include "launcher/images/listing.h"
#include "launcher/verbs/verbs.h"

namespace sublet::launcher {
namespace {

Result<int> import(const std::vector<std::string>& files, const ImportPlan& plan, bool quiet) {
  // All are looked at before the first is imported.
  for (const std::string& file : files) {
    const auto found = TRY(inspect_archive(file));
    TRY(check_importable(file, found, host_platform()));
  }
  for (const std::string& file : files) {
    TRY(import_archive(file, plan));
    if (!quiet) fmt::print(stderr, "sublet: imported {}\n", file);
  }
  return 0;
}

Result<int> list(Command ctr, bool as_json) {
  for (const std::string& word : list_arguments()) ctr.argv.push_back(word);
  constexpr int kTimeoutMs = 30'000;
  Output output = TRY(sublet::run(std::move(ctr), kTimeoutMs));
  if (!output.status.success()) return fail("ctr: " + output.status.describe() + ": " + output.err);
  auto images = TRY(parse_ctr_list(output.out));
  fmt::print("{}", as_json ? images_json(images) : images_text(images));
  return 0;
}

}  // namespace

Result<int> images(const Invocation& invocation) {
  Cluster cluster = TRY(chosen_cluster(invocation.loaded.config));
  auto status = nlohmann::json::parse(cluster.status, nullptr, false);
  if (!status.is_object()) return fail("cluster " + cluster.id.name + " is still starting", "", ExitCode::kNotReady);
  ImportPlan plan;
  plan.ctr.argv = {status.value("components", "") + "/ctr", "--address", cluster.path + "/" + kContainerdSocketInState};
  if (invocation.options.images == ImagesAction::kList) return list(std::move(plan.ctr), invocation.options.json);
  return import(invocation.options.files, plan, invocation.options.quiet);
}

}  // namespace sublet::launcher
