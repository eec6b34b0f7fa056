// SPDX-License-Identifier: Apache-2.0
// Names of images. Pure.
#pragma once

#include <string>

namespace sublet::launcher {

/// The full name that containerd keeps an image under (github.com/distribution/reference, familiar names): "redis" is
/// "docker.io/library/redis:latest". A name with a digest gets no tag.
[[nodiscard]] std::string full_reference(const std::string& name);

}  // namespace sublet::launcher
