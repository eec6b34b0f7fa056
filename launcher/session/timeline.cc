// SPDX-License-Identifier: Apache-2.0
#include "launcher/session/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sublet::launcher {
namespace {

// The last moment that any span knows of; at least 1, as it divides.
std::int64_t last_moment(const std::vector<Span>& spans) {
  std::int64_t last = 1;
  for (const Span& span : spans) last = std::max({last, span.begin_ms, span.end_ms.value_or(0)});
  return last;
}

// A day: no start takes longer. What a file says beyond is damage, and would not fit into a picture.
constexpr std::int64_t kLongest = std::int64_t{24} * 3600 * 1000;

// Milliseconds between `from` and kLongest.
std::optional<std::int64_t> moment(const nlohmann::json& object, const char* key, std::int64_t from) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || *found < from || *found > kLongest) return std::nullopt;
  return found->get<std::int64_t>();
}

// The five characters that XML reserves.
std::string escaped(std::string_view text) {
  std::string safe;
  for (char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

}  // namespace

std::int64_t Timeline::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_).count();
}

void Timeline::begin(const std::string& name, bool service) { spans_.push_back({name, service, now_ms(), {}}); }

void Timeline::end(const std::string& name) {
  auto open =
      std::find_if(spans_.rbegin(), spans_.rend(), [&](const Span& span) { return span.name == name && !span.end_ms; });
  if (open != spans_.rend()) open->end_ms = now_ms();
}

std::vector<std::string> Timeline::open_phases() const {
  std::vector<std::string> names;
  for (const Span& span : spans_)
    if (!span.service && !span.end_ms) names.push_back(span.name);
  return names;
}

std::string timeline_as_json(const std::vector<Span>& spans) {
  nlohmann::json list = nlohmann::json::array();
  for (const Span& span : spans) {
    nlohmann::json item = {
        {"name", span.name}, {"kind", span.service ? "service" : "phase"}, {"begin_ms", span.begin_ms}};
    item["end_ms"] = span.end_ms ? nlohmann::json(*span.end_ms) : nlohmann::json(nullptr);
    list.push_back(std::move(item));
  }
  return nlohmann::json{{"spans", std::move(list)}}.dump(2) + "\n";
}

Result<std::vector<Span>> timeline_from_json(std::string_view text) {
  auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object() || !object.contains("spans") || !object["spans"].is_array())
    return fail("the timeline is damaged: no list of spans");
  std::vector<Span> spans;
  for (const auto& item : object["spans"]) {
    const auto begin = item.is_object() ? moment(item, "begin_ms", 0) : std::nullopt;
    if (!begin || !item.contains("name") || !item["name"].is_string())
      return fail("the timeline is damaged: a span without name or beginning");
    Span span{item["name"], item.contains("kind") && item["kind"] == "service", *begin, {}};
    if (item.contains("end_ms") && item["end_ms"].is_number_integer()) {
      span.end_ms = moment(item, "end_ms", *begin);
      if (!span.end_ms) return fail("the timeline is damaged: a span ends before it begins");
    }
    spans.push_back(std::move(span));
  }
  return spans;
}

std::string timeline_as_text(const std::vector<Span>& spans, int width) {
  const std::int64_t last = last_moment(spans);
  std::size_t widest = 4;
  for (const Span& span : spans) widest = std::max(widest, span.name.size());
  std::string text = fmt::format("{:<{}}  {:>7}  {:>7}\n", "WHAT", widest, "FROM s", "TOOK s");
  for (const Span& span : spans) {
    std::int64_t end = span.end_ms.value_or(last);
    int from = std::min(static_cast<int>(span.begin_ms * width / last), width - 1);
    int length = std::max(1, static_cast<int>((end - span.begin_ms) * width / last));
    text += fmt::format("{:<{}}  {:>7.2f}  {:>7}  |{:{}}{}{:{}}|\n", span.name, widest,
                        static_cast<double>(span.begin_ms) / 1000,
                        span.end_ms ? fmt::format("{:.2f}", static_cast<double>(end - span.begin_ms) / 1000) : "-", "",
                        from, std::string(static_cast<std::size_t>(length), span.service ? '-' : '='), "",
                        std::max(0, width - from - length));
  }
  return text;
}

std::string timeline_as_svg(const std::vector<Span>& spans, std::string_view title) {
  constexpr int kLeft = 190;
  constexpr int kBars = 640;
  constexpr int kRow = 22;
  constexpr int kTop = 44;
  const std::int64_t last = last_moment(spans);
  auto x = [&](std::int64_t ms) { return kLeft + static_cast<double>(ms) * kBars / static_cast<double>(last); };
  const int height = kTop + kRow * static_cast<int>(spans.size()) + 30;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"22\" font-size=\"15\">{}</text>\n",
      kLeft + kBars + 70, height, escaped(title));
  // A grid line per second (per 10 where there are many).
  const std::int64_t step = last > 30'000 ? 10'000 : 1000;
  for (std::int64_t ms = 0; ms <= last; ms += step)
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#ddd\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\" fill=\"#666\">{4} s</text>\n",
        x(ms), kTop - 8, height - 22, height - 8, ms / 1000);
  int row = 0;
  for (const Span& span : spans) {
    int y = kTop + kRow * row++;
    std::int64_t end = span.end_ms.value_or(last);
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>"
        "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"14\" fill=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{}\" fill=\"#444\">{:.2f} s</text>\n",
        kLeft - 8, y + 12, escaped(span.name), x(span.begin_ms), y, std::max(1.0, x(end) - x(span.begin_ms)),
        span.service ? "#7aa6c2" : "#d98c3f", x(end) + 4, y + 12, static_cast<double>(end - span.begin_ms) / 1000);
  }
  return svg + "</svg>\n";
}

}  // namespace sublet::launcher
