# SPDX-License-Identifier: Apache-2.0
unit_tests(launcher/images
  SOURCES archive_test.cc contents_test.cc credentials_test.cc import_test.cc listing_test.cc
  DEPS launcher_images LibArchive::LibArchive nlohmann_json::nlohmann_json)
