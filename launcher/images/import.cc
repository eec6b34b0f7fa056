// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/import.h"

#include <sys/utsname.h>

#include <algorithm>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

// The namespace of containerd in which the CRI plugin keeps its images.
constexpr const char* kCriNamespace = "k8s.io";

bool runs_on(const ImageInfo& image, const std::string& platform) {
  // An archive that does not say (a config without architecture) is given the benefit of the doubt.
  return image.platforms.empty() || std::ranges::any_of(image.platforms, [&](const std::string& one) {
           return one == platform || one.starts_with(platform + "/");
         });
}

}  // namespace

std::vector<std::string> import_arguments(const std::string& file, const std::string& unpack_for) {
  // --local: the other way, by the transfer service, unpacks only for snapshotters that containerd's own file lists.
  std::vector<std::string> arguments = {"--namespace", kCriNamespace, "images", "import", "--local"};
  if (unpack_for.empty()) {
    arguments.emplace_back("--no-unpack");
  } else {
    arguments.insert(arguments.end(), {"--snapshotter", unpack_for});
  }
  arguments.push_back(file);
  return arguments;
}

Result<void> check_importable(const std::string& file, const std::vector<ImageInfo>& images,
                              const std::string& platform) {
  const std::string context = "image archive " + file + ": ";
  for (const ImageInfo& image : images) {
    if (image.name.empty() || image.name.find('/') == std::string::npos)
      return fail(
          context + "it gives image " + (image.name.empty() ? image.digest : "\"" + image.name + "\"") +
              " no full name, so no pod could ask for it",
          "name it when it is made: `skopeo copy … oci-archive:FILE:docker.io/library/NAME:TAG`, or use `docker save`");
    if (!runs_on(image, platform))
      return fail(context + image.name + " is for " + join(image.platforms, ", ") + ", and this host is " + platform);
  }
  return {};
}

std::string host_platform() {
  utsname names{};
  (void)::uname(&names);
  std::string machine = names.machine;
  if (machine == "x86_64") machine = "amd64";
  if (machine == "aarch64") machine = "arm64";
  return "linux/" + machine;
}

Result<void> import_archive(const std::string& file, const ImportPlan& plan) {
  Command command = plan.ctr;
  for (std::string& word : import_arguments(file, plan.unpack_for)) command.argv.push_back(std::move(word));
  const Output output = TRY_WHILE("importing " + file, run(std::move(command), plan.timeout_ms));
  if (output.status.success()) return {};
  const std::string said = join(last_lines(trim(output.err), 3), "; ");
  return fail("importing " + file + ": ctr: " + (said.empty() ? output.status.describe() : said));
}

}  // namespace sublet::launcher
