// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/service_names.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/sys.h"

// Younger than some libcs' headers (Linux 5.1).
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace sublet::launcher {
namespace {

// Some 20,000 Services. Pages are had only as far as they are written.
constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kNotKnown = ~std::uint64_t{0};

}  // namespace

// A sequence lock: its number is odd while somebody writes, so a writer that dies in the middle leaves nothing known.
// In words, as only those can be read while somebody writes them; who reads a new one (acquire) sees that the number,
// written before it (release), has changed.
struct NamesWriter::Memory {
  std::atomic<std::uint64_t> sequence;
  std::atomic<std::uint64_t> size;
  std::array<std::atomic<std::uint64_t>, kMostBytes / kWord> words;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

std::optional<std::array<std::uint8_t, 4>> only_address(const ServiceObject& service) {
  // An ExternalName may have an address left of the time when it was none.
  if (service.type == "ExternalName" || service.addresses.size() != 1) return std::nullopt;
  const auto ip = parse_ip(service.addresses.front());  // "None": headless
  if (!ip || ip->v6) return std::nullopt;
  std::array<std::uint8_t, 4> address{};
  std::copy_n(ip->bytes.begin(), address.size(), address.begin());
  return address;
}

std::string to_text(const std::map<std::string, ServiceObject>& services) {
  std::string text;
  for (const auto& [key, service] : services)
    text += key + " " + (only_address(service) ? service.addresses.front() : "-") + "\n";
  return text;
}

ServiceNames::ServiceNames(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const std::size_t space = line.find(' ');
    if (space == line.npos) continue;
    Service service;
    if (const auto ip = parse_ip(std::string(line.substr(space + 1))); ip && !ip->v6) {
      service.address.emplace();
      std::copy_n(ip->bytes.begin(), service.address->size(), service.address->begin());
    }
    services_.insert_or_assign(std::string(line.substr(0, space)), service);
  }
}

const ServiceNames::Service* ServiceNames::find(std::string_view name_space, std::string_view name) const {
  std::string key(name_space);
  key += '/';
  key += name;
  const auto found = services_.find(key);
  return found == services_.end() ? nullptr : &found->second;
}

Result<NamesWriter> NamesWriter::create() {
  UniqueFd fd(::memfd_create("service-names", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), sizeof(Memory)) != 0) return fail_errno("memory for the names of Services");
  void* mapped = ::mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno("memory for the names of Services");
  auto* memory = static_cast<Memory*>(mapped);  // all zero, but for what follows
  memory->size = kNotKnown;
  NamesWriter writer(std::move(fd), memory);
  // Its size stays, so that no reader loses pages under its feet; our own mapping may still be written.
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  if (::fcntl(writer.fd_.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("sealing the names of Services");
  return writer;
}

NamesWriter::NamesWriter(NamesWriter&& other) noexcept
    : fd_(std::move(other.fd_)), memory_(std::exchange(other.memory_, nullptr)) {}

NamesWriter::~NamesWriter() {
  if (memory_ == nullptr) return;
  forget();
  (void)::munmap(memory_, sizeof(Memory));
}

void NamesWriter::write(std::string_view text) {
  if (text.size() > kMostBytes) return forget();
  memory_->sequence.fetch_add(1, std::memory_order_relaxed);
  memory_->size.store(text.size(), std::memory_order_release);
  for (std::size_t at = 0; at < text.size(); at += kWord) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(kWord, text.size() - at));
    memory_->words[at / kWord].store(word, std::memory_order_release);
  }
  memory_->sequence.fetch_add(1, std::memory_order_release);
}

void NamesWriter::forget() {
  memory_->sequence.fetch_add(1, std::memory_order_relaxed);
  memory_->size.store(kNotKnown, std::memory_order_release);
  memory_->sequence.fetch_add(1, std::memory_order_release);
}

Result<UniqueFd> NamesWriter::share() const { return sys::dup(fd_.get()); }

Result<NamesReader> NamesReader::create(const UniqueFd& shared) {
  const int seals = ::fcntl(shared.get(), F_GET_SEALS);
  const off_t size = ::lseek(shared.get(), 0, SEEK_END);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || size != static_cast<off_t>(sizeof(NamesWriter::Memory)))
    return fail("the names of Services are of another version");
  void* mapped = ::mmap(nullptr, sizeof(NamesWriter::Memory), PROT_READ, MAP_SHARED, shared.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno("mapping the names of Services");
  return NamesReader(static_cast<const NamesWriter::Memory*>(mapped));
}

NamesReader::NamesReader(NamesReader&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), seen_(other.seen_), names_(std::move(other.names_)) {}

NamesReader::~NamesReader() {
  if (memory_ != nullptr) (void)::munmap(const_cast<NamesWriter::Memory*>(memory_), sizeof(NamesWriter::Memory));
}

const ServiceNames* NamesReader::names() {
  const std::uint64_t sequence = memory_->sequence.load(std::memory_order_acquire);
  if (sequence % 2 != 0) return nullptr;
  if (sequence != seen_ || seen_ == 0) {
    seen_ = 0;
    names_.reset();
    const std::uint64_t size = memory_->size.load(std::memory_order_acquire);
    std::string text;
    if (size <= kMostBytes) text.resize(size);
    for (std::size_t at = 0; at < text.size(); at += kWord) {
      const std::uint64_t word = memory_->words[at / kWord].load(std::memory_order_acquire);
      std::memcpy(text.data() + at, &word, std::min(kWord, text.size() - at));
    }
    if (memory_->sequence.load(std::memory_order_relaxed) != sequence) return nullptr;
    if (size <= kMostBytes) names_.emplace(text);
    seen_ = sequence;
  }
  return names_ ? &*names_ : nullptr;
}

}  // namespace sublet::launcher
