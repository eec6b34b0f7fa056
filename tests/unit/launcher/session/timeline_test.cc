// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/timeline.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace sublet::launcher {
namespace {

const std::vector<Span> kSpans = {{"facts and plan", false, 0, 250},
                                  {"etcd", true, 300, 1200},
                                  {"node \"ready\" <&'>", false, 1000, std::nullopt},
                                  {"kubelet", true, 2000, 2000}};

bool same(const Span& a, const Span& b) {
  return a.name == b.name && a.service == b.service && a.begin_ms == b.begin_ms && a.end_ms == b.end_ms;
}

TEST_CASE("timeline: spans begin and end; of two with one name the youngest ends first", "[session]") {
  Timeline timeline(Timeline::Clock::now() - std::chrono::milliseconds(500));
  timeline.begin("a");
  timeline.begin("b");
  timeline.begin("etcd", true);
  timeline.begin("a");
  timeline.end("a");
  timeline.end("never begun");
  REQUIRE(timeline.spans().size() == 4);
  CHECK(timeline.spans()[0].begin_ms >= 500);
  CHECK_FALSE(timeline.spans()[0].end_ms);
  CHECK(timeline.spans()[3].end_ms);
  // Services are no phases.
  CHECK(timeline.open_phases() == std::vector<std::string>{"a", "b"});
  timeline.end("a");
  timeline.end("a");
  CHECK(timeline.open_phases() == std::vector<std::string>{"b"});
}

TEST_CASE("timeline: as JSON and back", "[session]") {
  const auto back = timeline_from_json(timeline_as_json(kSpans));
  REQUIRE(back);
  REQUIRE(back->size() == kSpans.size());
  for (std::size_t i = 0; i < kSpans.size(); ++i) CHECK(same((*back)[i], kSpans[i]));
  const auto none = timeline_from_json(timeline_as_json({}));
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("timeline: a damaged file is an error, never a crash", "[session]") {
  for (const char* text : {
           "",
           "{",
           "[]",
           "null",
           "{}",
           R"({"spans": {}})",
           R"({"spans": [7]})",
           R"({"spans": [{}]})",
           R"({"spans": [{"name": "a"}]})",
           R"({"spans": [{"name": 7, "begin_ms": 1}]})",
           R"({"spans": [{"name": "a", "begin_ms": "1"}]})",
           R"({"spans": [{"name": "a", "begin_ms": 1.5}]})",
           R"({"spans": [{"name": "a", "begin_ms": -1}]})",
           R"({"spans": [{"name": "a", "begin_ms": 9223372036854775807}]})",
           R"({"spans": [{"name": "a", "begin_ms": 18446744073709551615}]})",
           R"({"spans": [{"name": "a", "begin_ms": 5, "end_ms": 4}]})",
           R"({"spans": [{"name": "a", "begin_ms": 5, "end_ms": 9223372036854775807}]})",
       }) {
    CAPTURE(text);
    CHECK_FALSE(timeline_from_json(text));
  }
  // What is only odd is taken.
  const auto odd =
      timeline_from_json(R"({"spans": [{"name": "a", "begin_ms": 1, "kind": 7, "end_ms": "x", "more": 1}]})");
  REQUIRE(odd);
  CHECK(same(odd->at(0), {"a", false, 1, std::nullopt}));
}

TEST_CASE("timeline: as text, a row each, all as wide", "[session]") {
  const auto rows = lines(timeline_as_text(kSpans, 20));
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].starts_with("WHAT "));
  // 250 ms of 2000 are two of twenty columns.
  CHECK(rows[1] == "facts and plan        0.00     0.25  |==                  |");
  CHECK(rows[2] == "etcd                  0.30     0.90  |   ---------        |");
  // Without an end it goes on until the last moment.
  CHECK(rows[3] == "node \"ready\" <&'>     1.00        -  |          ==========|");
  // What took no time, at the very end, is still to be seen.
  CHECK(rows[4] == "kubelet               2.00     0.00  |                   -|");
  CHECK(lines(timeline_as_text({})).size() == 1);
}

TEST_CASE("timeline: as a picture, with no name that breaks out of it", "[session]") {
  const std::string svg = timeline_as_svg(kSpans, "<script>alert(\"1\")</script> & 'more'");
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("<script") == std::string::npos);
  CHECK_THAT(svg, Catch::Contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;more&#39;"));
  CHECK_THAT(svg, Catch::Contains(">node &quot;ready&quot; &lt;&amp;&#39;&gt;</text>"));
  // A frame, then a bar for each.
  std::size_t bars = 0;
  for (std::size_t at = svg.find("<rect"); at != std::string::npos; at = svg.find("<rect", at + 1)) ++bars;
  CHECK(bars == 1 + kSpans.size());
  CHECK_THAT(timeline_as_svg({}, ""), Catch::Contains("</svg>"));
}

}  // namespace
}  // namespace sublet::launcher
