#include "app/eval_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace keel {
namespace {

constexpr const char* kChanges = "lost/won";  // right→wrong and wrong→right

size_t widest(size_t least, auto&& items) {
  for (const auto& item : items) least = std::max(least, item.dimension.size());
  return least;
}

std::string p_text(const Difference& d) {
  if (!d.p) return "";
  return *d.p < 0.0001 ? "<.0001" : fmt::format("{:.4f}", *d.p);
}

std::string changes_text(const Difference& d) {
  return is_share(d.measure) ? fmt::format("{}/{}", d.lost, d.won) : "";
}

}  // namespace

std::string score_table(std::span<const Score> scores, const Suite& suite) {
  const size_t wide = widest(9, scores);
  std::string out = fmt::format("{:{}}  {:7}  {:>6}  {:>8}  {:>8}  {:>6}\n", "dimension", wide, "measure",
                                "items", "value", "± error", "weight");
  for (const Score& s : scores) {
    const bool weighted = s.measure == "acc" && s.dimension != "total";
    out +=
        fmt::format("{:{}}  {:7}  {:>6}  {:>8.4f}  {:>8.4f}  {:>6}\n", s.dimension, wide, s.measure, s.items,
                    s.value, s.error, weighted ? fmt::format("{:g}", suite.weight(s.dimension)) : "");
  }
  return out;
}

std::string comparison_table(const Comparison& comparison) {
  const size_t wide = widest(9, comparison.rows);
  std::string out =
      fmt::format("{:{}}  {:7}  {:>6}  {:>7}  {:>7}  {:>8}  {:19}  {:>9}  {:>6}  {}\n", "dimension", wide,
                  "measure", "items", "before", "after", "change", "95 % interval", kChanges, "p", "verdict");
  for (const Difference& d : comparison.rows)
    out += fmt::format(
        "{:{}}  {:7}  {:>6}  {:>7.4f}  {:>7.4f}  {:>+8.4f}  [{:+.4f}, {:+.4f}]  {:>9}  {:>6}  {}\n",
        d.dimension, wide, d.measure, d.items, d.before, d.after, d.after - d.before, d.interval.low,
        d.interval.high, changes_text(d), p_text(d), verdict_text(d));
  for (const std::string& note : comparison.notes) out += "note: " + note + "\n";
  return out;
}

}  // namespace keel
