// SPDX-License-Identifier: Apache-2.0
#include "launcher/images/import.h"

#include <signal.h>
#include <sys/utsname.h>

#include <algorithm>

#include "base/strings.h"
#include "launcher/images/reference.h"

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

std::vector<std::string> import_arguments(const std::string& file) {
  // Not unpacked: the CRI plugin does that when the first container wants an image, and most never do.
  // Pinned: the kubelet deletes unused images when the disk fills up, and these can't be pulled again without internet.
  return {"--namespace", kCriNamespace, "images", "import", "--no-unpack", "--label", "io.cri-containerd.pinned=pinned",
          file};
}

Result<void> check_importable(const std::string& file, const std::vector<ImageInfo>& images,
                              const std::string& platform) {
  const std::string context = "image archive " + file + ": ";
  for (const ImageInfo& image : images) {
    // containerd keeps a name as it is; the CRI plugin asks for the full one.
    const std::string full = full_reference(image.name);
    if (image.name.empty() || image.name != full)
      return fail(context + "it names its image " + (image.name.empty() ? "not at all" : "\"" + image.name + "\"") +
                      ", and pods ask for full names",
                  "name it when it is made, as in: skopeo copy … oci-archive:FILE:" +
                      (full.empty() ? "docker.io/library/NAME:TAG" : full));
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
  // Without its containerd it would wait ten seconds for another.
  command.parent_death_signal = SIGKILL;
  for (std::string& word : import_arguments(file)) command.argv.push_back(std::move(word));
  const Output output = TRY_WHILE("importing " + file, run(std::move(command), plan.timeout_ms, plan.cancel_fd));
  if (output.status.success()) return {};
  const std::string said = join(last_lines(trim(output.err), 3), "; ");
  return fail("importing " + file + ": ctr: " + (said.empty() ? output.status.describe() : said));
}

}  // namespace sublet::launcher
