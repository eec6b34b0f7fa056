// SPDX-License-Identifier: Apache-2.0
// A program with sublet's hidden verb `probe`, for the tests of the facts: facts_helper probe | doctor
// [text|json|admin] [COMPONENTS] | time COMPONENTS.
#include <chrono>
#include <cstdio>
#include <string>

#include "launcher/facts/doctor.h"
#include "launcher/facts/gather.h"
#include "launcher/facts/links.h"
#include "launcher/facts/probe.h"

using namespace sublet::launcher;

namespace {

void say(const char* name, const sublet::Result<void>& made) {
  std::printf("%s: %s\n", name, made ? "ok" : made.error().what.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  const std::string word = argc > 2 ? argv[2] : "text";
  if (verb == "probe") return probe_main();
  if (verb == "links") {
    say("bridge", try_bridge());
    say("again", try_bridge());
    say("tap", try_tap());
    return 0;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::string components = verb == "time" ? word : argc > 3 ? argv[3] : "";
  auto facts = gather_facts(Config{}, components);
  const auto took = std::chrono::steady_clock::now() - begin;
  if (!facts) {
    std::fprintf(stderr, "%s\n", facts.error().what.c_str());
    return 1;
  }
  if (verb == "time") {
    std::printf("%.1f ms\n", std::chrono::duration<double, std::milli>(took).count());
    return 0;
  }
  const Diagnosis diagnosis = diagnose(*facts, Config{});
  const std::string text = word == "json"    ? diagnosis_as_json(diagnosis)
                           : word == "admin" ? admin_script(diagnosis)
                                             : diagnosis_as_text(diagnosis);
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(exit_code(diagnosis));
}
