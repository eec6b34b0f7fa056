// SPDX-License-Identifier: Apache-2.0
// Which Services there are, and their addresses, for whoever answers names (launcher/exec): the launcher's watch of
// Services writes it, processes of the same user read it, in memory that both have mapped. A reader asks nobody and is
// told by nobody, so a Service is known as soon as the watch tells. While the watch is interrupted nothing is known.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/services/values.h"

namespace sublet::launcher {

/// The one address that a Service's name has: none of headless and external ones, and of those with addresses of both
/// families, whose names the cluster's name server alone knows.
[[nodiscard]] std::optional<std::array<std::uint8_t, 4>> only_address(const ServiceObject& service);

/// A line each, "NAMESPACE/NAME ADDRESS", or "-" in its place. By "namespace/name".
[[nodiscard]] std::string to_text(const std::map<std::string, ServiceObject>& services);

class ServiceNames {
 public:
  struct Service {
    std::optional<std::array<std::uint8_t, 4>> address;  // as only_address() has it
  };
  ServiceNames() = default;
  explicit ServiceNames(std::string_view text);
  /// Nothing: there is no such Service. Borrowed.
  [[nodiscard]] const Service* find(std::string_view name_space, std::string_view name) const;

 private:
  std::unordered_map<std::string, Service> services_;
};

/// The writer's end. One thread at a time.
class NamesWriter {
 public:
  [[nodiscard]] static Result<NamesWriter> create();
  NamesWriter(NamesWriter&& other) noexcept;
  NamesWriter& operator=(NamesWriter&&) = delete;
  ~NamesWriter();

  /// What is too large for the memory is not known.
  void write(std::string_view text);
  void forget();
  /// For a NamesReader: it can be mapped for reading only.
  [[nodiscard]] Result<UniqueFd> share() const;

 private:
  struct Memory;
  friend class NamesReader;
  NamesWriter(UniqueFd fd, Memory* memory) : fd_(std::move(fd)), memory_(memory) {}
  UniqueFd fd_;
  Memory* memory_;
};

/// The reader's end. One thread at a time.
class NamesReader {
 public:
  [[nodiscard]] static Result<NamesReader> create(const UniqueFd& shared);
  NamesReader(NamesReader&& other) noexcept;
  NamesReader& operator=(NamesReader&&) = delete;
  ~NamesReader();

  /// All Services of now; nothing: nobody knows. Borrowed until the next call.
  [[nodiscard]] const ServiceNames* names();

 private:
  explicit NamesReader(const NamesWriter::Memory* memory) : memory_(memory) {}
  const NamesWriter::Memory* memory_;
  std::uint64_t seen_ = 0;  // the sequence number of what follows; 0: of nothing yet
  std::optional<ServiceNames> names_;
};

}  // namespace sublet::launcher
