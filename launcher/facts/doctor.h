// SPDX-License-Identifier: Apache-2.0
// `sublet doctor`: the three ways in which a diagnosis is shown.
#pragma once

#include <string>

#include "launcher/facts/ladders.h"

namespace sublet::launcher {

/// For people; no colours.
[[nodiscard]] std::string diagnosis_as_text(const Diagnosis& diagnosis);
/// docs/doctor.md, "schema": kDoctorSchema.
[[nodiscard]] std::string diagnosis_as_json(const Diagnosis& diagnosis);
inline constexpr int kDoctorSchema = 1;
/// A shell script for root with all the changes, each under the reason for it.
[[nodiscard]] std::string admin_script(const Diagnosis& diagnosis);

}  // namespace sublet::launcher
