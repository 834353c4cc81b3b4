#include "data/stats.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace keel {
namespace {

// What is counted of each row; all but the longest add up.
constexpr std::array kCounts{
    &DataStats::rows,     &DataStats::rejected,     &DataStats::examples,      &DataStats::turns,
    &DataStats::tokens,   &DataStats::supervised,   &DataStats::longest,       &DataStats::over_long,
    &DataStats::dropped,  &DataStats::cut_turns,    &DataStats::cut_replies,   &DataStats::lost_supervised,
    &DataStats::no_label, &DataStats::capped_turns, &DataStats::capped_tokens, &DataStats::one_turn_a_sample};
static_assert(kCounts.size() == std::tuple_size_v<RowCounts>);

void add_count(std::string& out, int64_t n, const char* what) {
  if (n > 0) out += fmt::format(" · {} {}", format_count(n), what);
}

}  // namespace

DataStats& DataStats::operator+=(const DataStats& other) {
  const auto share = [](const DataStats& s) {
    return s.fill > 0 ? static_cast<double>(s.tokens) / s.fill : 0;
  };
  const double room = share(*this) + share(other);
  const int64_t most = std::max(longest, other.longest);
  for (const auto count : kCounts) this->*count += other.*count;
  longest = most;
  fill = room > 0 ? static_cast<double>(tokens) / room : 1.0;
  return *this;
}

RowCounts row_counts(const DataStats& row) {
  RowCounts counts{};
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<int32_t>(row.*kCounts[i]);
  return counts;
}

DataStats row_stats(const RowCounts& counts) {
  DataStats row;
  for (size_t i = 0; i < counts.size(); ++i) row.*kCounts[i] = counts[i];
  return row;
}

double DataStats::lost_share() const {
  const int64_t all = supervised + lost_supervised;
  return all == 0 ? 0 : static_cast<double>(lost_supervised) / static_cast<double>(all);
}

void set_lengths(DataStats& stats, std::vector<int64_t> lengths) {
  if (lengths.empty()) return;
  std::ranges::sort(lengths);
  const auto n = static_cast<int64_t>(lengths.size());
  stats.median_length = lengths[static_cast<size_t>((n + 1) / 2 - 1)];
  stats.p95_length = lengths[static_cast<size_t>((95 * n + 99) / 100 - 1)];
}

std::string describe(const DataStats& s) {
  const double trained =
      s.tokens == 0 ? 0 : 100.0 * static_cast<double>(s.supervised) / static_cast<double>(s.tokens);
  std::string out = fmt::format("{} rows · {} samples · {} turns · {} tokens ({:.1f} % trained) · longest {}",
                                format_count(s.rows), format_count(s.examples), format_count(s.turns),
                                format_count(s.tokens), trained, format_count(s.longest));
  if (s.median_length > 0)
    out += fmt::format(" (half up to {}, 95 % up to {})", format_count(s.median_length),
                       format_count(s.p95_length));
  if (s.best_fill > 0)
    out += fmt::format(" · {:.0f} tokens a packed row ({:.1f} % full, {:.1f} % of the best possible)",
                       static_cast<double>(s.tokens) / static_cast<double>(std::max<int64_t>(1, s.examples)),
                       100 * s.fill, 100 * s.best_fill);
  add_count(out, s.rejected, "bad rows");
  add_count(out, s.over_long, "too long");
  add_count(out, s.dropped, "of these dropped");
  add_count(out, s.cut_turns, "messages cut from their beginnings");
  add_count(out, s.cut_replies, "replies among them");
  if (s.lost_supervised > 0)
    out += fmt::format(" · {} trained tokens lost so ({:.2f} %)", format_count(s.lost_supervised),
                       100 * s.lost_share());
  add_count(out, s.no_label, "without anything to train");
  add_count(out, s.capped_turns, "turns cut at max_turn_tokens");
  add_count(out, s.capped_tokens, "tokens of them not trained");
  add_count(out, s.one_turn_a_sample, "trained one turn a sample (the template changes earlier turns)");
  return out;
}

Json to_json(const DataStats& s) {
  return {{"rows", s.rows},
          {"rejected", s.rejected},
          {"examples", s.examples},
          {"turns", s.turns},
          {"tokens", s.tokens},
          {"supervised", s.supervised},
          {"longest", s.longest},
          {"over_long", s.over_long},
          {"dropped", s.dropped},
          {"cut_turns", s.cut_turns},
          {"cut_replies", s.cut_replies},
          {"lost_supervised", s.lost_supervised},
          {"no_label", s.no_label},
          {"capped_turns", s.capped_turns},
          {"capped_tokens", s.capped_tokens},
          {"fill", s.fill},
          {"best_fill", s.best_fill},
          {"median_length", s.median_length},
          {"p95_length", s.p95_length},
          {"lost_share", s.lost_share()},
          {"one_turn_a_sample", s.one_turn_a_sample}};
}

}  // namespace keel
