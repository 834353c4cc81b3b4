#include "report/token_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "report/axis.h"
#include "report/html_escape.h"
#include "report/page_parts.h"

namespace keel {
namespace {

constexpr size_t kMostReplies = 4;
constexpr size_t kMostHardest = 3;  // tokens that are named

// Upper ends of the shades, in nats: probabilities of about 90, 61, 23, 5 and 0.1 %.
constexpr std::array<double, 5> kShades{0.1, 0.5, 1.45, 3.0, 6.6};

struct Value {
  std::string text;
  double nll = 0, entropy = 0, weight = 0;
  bool weighted = false;
};

double number_at(const Json& reading, const char* key, size_t i) {
  const Json& list = list_of(reading, key);
  return i < list.size() && list[i].is_number() ? list[i].get<double>() : NAN;
}

std::vector<Value> values_of(const Json& texts, const Json& reading) {
  std::vector<Value> out;
  const bool weighted = !list_of(reading, "weight").empty();
  for (size_t i = 0; i < texts.size(); ++i)
    out.push_back({.text = texts[i].is_string() ? texts[i].get<std::string>() : "",
                   .nll = number_at(reading, "nll", i),
                   .entropy = number_at(reading, "entropy", i),
                   .weight = number_at(reading, "weight", i),
                   .weighted = weighted});
  return out;
}

size_t shade_of(double nll) {
  return static_cast<size_t>(std::ranges::lower_bound(kShades, std::isnan(nll) ? INFINITY : nll) -
                             kShades.begin());
}

std::string digits(double value) { return std::isnan(value) ? "–" : fmt::format("{:.2f}", value); }

std::string hover_of(const Value& v) {
  std::string out = "loss " + digits(v.nll);
  if (!std::isnan(v.nll)) out += fmt::format(" (probability {:.3g} %)", 100 * std::exp(-v.nll));
  if (v.weighted) out += ", weight " + digits(v.weight);
  return out + ", entropy " + digits(v.entropy);
}

// What the shades show, in words.
std::string words_of(const std::vector<Value>& values) {
  double sum = 0;
  std::vector<const Value*> order;
  for (const Value& v : values) {
    if (std::isnan(v.nll)) continue;
    sum += v.nll;
    order.push_back(&v);
  }
  if (order.empty()) return "no loss is a number";
  std::ranges::stable_sort(order, std::ranges::greater{}, &Value::nll);
  std::string hardest;
  for (size_t i = 0; i < std::min(order.size(), kMostHardest); ++i)
    hardest += fmt::format("{}“{}” {:.2f}", i == 0 ? "" : ", ", order[i]->text, order[i]->nll);
  return fmt::format("mean {:.2f}; highest {}", sum / static_cast<double>(order.size()), hardest);
}

std::string render_reading(const Json& texts, const Json& reading) {
  const std::vector<Value> values = values_of(texts, reading);
  std::string tokens;
  for (const Value& v : values)
    tokens += fmt::format("<span class=\"s{}\" title=\"{}\">{}</span>", shade_of(v.nll), hover_of(v),
                          escape_html(v.text));
  return fmt::format(
      "<div class=\"reading\"><h4><bdi>{}</bdi></h4><p class=\"tokens\" dir=\"auto\">{}</p>"
      "<p class=\"note\">{}</p></div>\n",
      escape_html(text_of(reading, "name")), tokens, escape_html(words_of(values)));
}

std::string legend() {
  std::string out = "<p class=\"note tokens\">Loss of a token, in nats: ";
  double from = 0;
  for (size_t i = 0; i <= kShades.size(); ++i) {
    out += i < kShades.size() ? fmt::format("<span class=\"s{}\">{:g} to {:g}</span> ", i, from, kShades[i])
                              : fmt::format("<span class=\"s{}\">above</span>", i);
    if (i < kShades.size()) from = kShades[i];
  }
  return out + ". Rest the pointer on a token for its loss, weight and entropy.</p>\n";
}

}  // namespace

std::string render_token_maps(const Json& samples) {
  std::string out;
  size_t shown = 0;
  for (const Json& sample : samples) {
    if (!sample.is_object() || shown == kMostReplies) continue;
    const Json tokens = sample.value("tokens", Json::object());
    const Json& texts = list_of(tokens, "text");
    std::string readings;
    for (const Json& reading : list_of(tokens, "readings"))
      if (!texts.empty()) readings += render_reading(texts, reading);
    if (readings.empty()) continue;
    out += fmt::format("<article class=\"sample\"><h3 dir=\"auto\">{}</h3>\n{}</article>\n",
                       escape_html(shorten(text_of(sample, "prompt"), 400)), readings);
    ++shown;
  }
  return out.empty() ? "" : legend() + out;
}

}  // namespace keel
