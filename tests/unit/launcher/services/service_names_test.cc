// SPDX-License-Identifier: Apache-2.0
#include "launcher/services/service_names.h"

#include <sys/mman.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using namespace sublet;
using namespace sublet::launcher;

namespace {

using Address = std::array<std::uint8_t, 4>;

ServiceObject service(const std::string& type, std::vector<std::string> addresses) {
  ServiceObject made;
  made.type = type;
  made.addresses = std::move(addresses);
  return made;
}

struct Pair {
  NamesWriter writer = *NamesWriter::create();
  NamesReader reader = *NamesReader::create(*writer.share());
};

}  // namespace

TEST_CASE("service names: one address is one that a name surely has", "[services]") {
  struct {
    ServiceObject service;
    std::optional<Address> address;
  } const cases[] = {
      {service("ClusterIP", {"10.43.0.7"}), Address{10, 43, 0, 7}},
      {service("NodePort", {"10.43.0.8"}), Address{10, 43, 0, 8}},
      {service("LoadBalancer", {"10.43.0.9"}), Address{10, 43, 0, 9}},
      {service("ClusterIP", {"None"}), {}},
      {service("ClusterIP", {}), {}},
      {service("ClusterIP", {""}), {}},
      {service("ClusterIP", {"10.43.0.7", "fd00::7"}), {}},
      {service("ClusterIP", {"fd00::7"}), {}},
      {service("ExternalName", {}), {}},
      {service("ExternalName", {"10.43.0.7"}), {}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.service.type, c.service.addresses);
    CHECK(only_address(c.service) == c.address);
  }
}

TEST_CASE("service names: the text says all of them", "[services]") {
  const std::string text =
      to_text({{"team/web", service("ClusterIP", {"10.43.0.7"})}, {"team/db", service("ClusterIP", {"None"})}});
  CHECK(text == "team/db -\nteam/web 10.43.0.7\n");
  const ServiceNames names(text);
  REQUIRE(names.find("team", "web") != nullptr);
  CHECK(names.find("team", "web")->address == Address{10, 43, 0, 7});
  REQUIRE(names.find("team", "db") != nullptr);
  CHECK_FALSE(names.find("team", "db")->address);
  CHECK(names.find("team", "we") == nullptr);
  CHECK(names.find("other", "web") == nullptr);
  CHECK(names.find("", "team/web") == nullptr);
}

TEST_CASE("service names: a reader knows what was written last, and nothing before or once it is forgotten",
          "[services]") {
  Pair pair;
  CHECK(pair.reader.names() == nullptr);
  pair.writer.write("");
  REQUIRE(pair.reader.names() != nullptr);
  CHECK(pair.reader.names()->find("a", "b") == nullptr);
  pair.writer.write("a/b 10.0.0.1\n");
  CHECK(pair.reader.names()->find("a", "b") != nullptr);
  pair.writer.write("a/c 10.0.0.1\n");
  CHECK(pair.reader.names()->find("a", "b") == nullptr);
  pair.writer.forget();
  CHECK(pair.reader.names() == nullptr);
  pair.writer.write("a/b 10.0.0.1\n");
  CHECK(pair.reader.names() != nullptr);
}

TEST_CASE("service names: more than there is room for are not known", "[services]") {
  Pair pair;
  pair.writer.write(std::string((1U << 20U) + 1, '\n'));
  CHECK(pair.reader.names() == nullptr);
  pair.writer.write(std::string(1U << 20U, '\n'));
  CHECK(pair.reader.names() != nullptr);
}

TEST_CASE("service names: nothing is known when the writer is gone", "[services]") {
  std::optional<NamesWriter> writer(*NamesWriter::create());
  NamesReader reader = *NamesReader::create(*writer->share());
  writer->write("a/b 10.0.0.1\n");
  CHECK(reader.names() != nullptr);
  writer.reset();
  CHECK(reader.names() == nullptr);
}

TEST_CASE("service names: a reader cannot write, and takes no other file", "[services]") {
  const NamesWriter writer = *NamesWriter::create();
  const UniqueFd shared = *writer.share();
  CHECK(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared.get(), 0) == MAP_FAILED);
  const UniqueFd other(::memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK_FALSE(NamesReader::create(other));
}

TEST_CASE("service names: what is read was written as a whole", "[services]") {
  Pair pair;
  // In each text the last name's number is in the address of each.
  std::vector<std::string> texts;
  for (unsigned last = 99; last < 1600; last += 100) {
    const std::string address = " 10.0." + std::to_string(last / 256) + "." + std::to_string(last % 256) + "\n";
    texts.emplace_back();
    for (unsigned name = 0; name <= last; ++name) texts.back() += "a/n" + std::to_string(name) + address;
  }
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (unsigned i = 0; i < 8000; ++i) pair.writer.write(texts[i % texts.size()]);
    done = true;
  });
  const auto is_whole = [](const ServiceNames& names) {
    const auto* first = names.find("a", "n0");
    if (first == nullptr || !first->address) return false;
    const unsigned last = (*first->address)[2] * 256U + (*first->address)[3];
    const auto* end = names.find("a", "n" + std::to_string(last));
    return end != nullptr && end->address == first->address &&
           names.find("a", "n" + std::to_string(last + 1)) == nullptr;
  };
  bool whole = true;
  while (!done && whole)
    if (const ServiceNames* names = pair.reader.names()) whole = is_whole(*names);
  writer.join();
  CHECK(whole);
  const ServiceNames* last = pair.reader.names();
  REQUIRE(last != nullptr);
  CHECK(is_whole(*last));
  CHECK(last->find("a", "n1599") != nullptr);
}
