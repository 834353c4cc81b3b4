#include "eval/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace keel {
namespace {

constexpr int64_t kFewest = 8;  // items under which no interval means anything
constexpr double kLevel = 0.05;

std::string key_of(const ProbeResult& r) { return r.group + "/" + r.id; }

// The results of `after` that `before` has, too, and the other way round, in the order of `after`.
struct Common {
  std::vector<ProbeResult> before, after;
  std::vector<std::string> notes;
};

Common common_items(std::span<const ProbeResult> before, std::span<const ProbeResult> after) {
  std::map<std::string, const ProbeResult*> known;
  for (const ProbeResult& r : before) known[key_of(r)] = &r;
  Common out;
  for (const ProbeResult& r : after) {
    const auto found = known.find(key_of(r));
    if (found == known.end()) continue;
    if (found->second->content != r.content || found->second->type != r.type)
      throw UserError({.where = "against",
                       .found = fmt::format("item {} is not the same in both evaluations", key_of(r)),
                       .wanted = "two evaluations of one suite",
                       .hint = "evaluate the other model again: --against MODEL_FOLDER"});
    out.before.push_back(*found->second);
    out.before.back().dimension = r.dimension;  // a group's may have been renamed
    out.after.push_back(r);
  }
  if (out.after.empty())
    throw UserError({.where = "against",
                     .found = "no item in common",
                     .wanted = "two evaluations of one suite",
                     .hint = "use the same --suite and --split for both"});
  const size_t only_before = before.size() - out.before.size(), only_after = after.size() - out.after.size();
  if (only_before + only_after > 0)
    out.notes.push_back(
        fmt::format("compared: {} items; left out: {} that only the other evaluation has, {} "
                    "that only this one has",
                    out.after.size(), only_before, only_after));
  return out;
}

// Nothing when both do not count the same tokens: their NLL per token cannot be compared.
std::optional<Stratum> pair_up(const Series& before, const Series& after) {
  Stratum stratum;
  for (size_t i = 0; i < after.points.size(); ++i) {
    const ItemValue &b = before.points[i], &a = after.points[i];
    if (b.size != a.size) return std::nullopt;
    stratum.pairs.push_back({b.value, a.value, a.size});
  }
  return stratum;
}

void count_changes(const Stratum& stratum, Difference& d) {
  for (const Pair& p : stratum.pairs) {
    d.lost += p.before > p.after;
    d.won += p.before < p.after;
  }
}

// Items at which a change worth knowing would be found.
int64_t enough_items(const Difference& d) {
  const double half = (d.interval.high - d.interval.low) / 2;
  if (is_share(d.measure)) {
    // One changed item more than seen: none at all says little when there are few items.
    const double changed = static_cast<double>(d.lost + d.won + 1) / static_cast<double>(d.items + 1);
    return items_for_rate(std::max(changed, kWorthKnowingPoints), kWorthKnowingPoints);
  }
  if (d.measure == "nll") return items_for_mean(d.items, half, kWorthKnowingNll * d.before);
  return items_for_mean(d.items, half, d.measure == "recover" ? kWorthKnowingTurns : kWorthKnowingPoints);
}

void judge(Difference& d) {
  const double change = d.after - d.before;
  d.enough = std::max(enough_items(d), kFewest);
  const bool shown = d.items >= kFewest && (d.p ? *d.p < kLevel : !d.interval.holds(0));
  if (shown) {
    d.verdict = (change > 0) == is_share(d.measure) ? Verdict::better : Verdict::worse;
  } else if (d.items < d.enough) {
    d.verdict = Verdict::not_enough_data;
  }
}

Difference difference_of(const Series& series, std::span<const Stratum> strata) {
  Difference d{.dimension = series.dimension, .measure = series.measure};
  double weights = 0;
  for (const Stratum& s : strata) {
    double before = 0, size = 0;
    for (const Pair& p : s.pairs) before += p.before, size += p.size;
    d.before += s.weight * before / size;
    weights += s.weight;
    d.items += static_cast<int64_t>(s.pairs.size());
    if (is_share(series.measure)) count_changes(s, d);
  }
  d.before /= weights;
  d.after = d.before + mean_difference(strata);
  if (!std::isfinite(d.after)) {  // of a model that has diverged
    d.interval = {d.after, d.after};
    d.verdict = Verdict::worse;
    return d;
  }
  d.interval = bootstrap_interval(strata);
  if (is_share(series.measure) && strata.size() == 1) d.p = mcnemar_exact(d.lost, d.won);
  judge(d);
  return d;
}

const Score* find_score(std::span<const Score> scores, const std::string& dimension, const char* measure) {
  const auto found = std::ranges::find_if(
      scores, [&](const Score& s) { return s.dimension == dimension && s.measure == measure; });
  return found == scores.end() ? nullptr : &*found;
}

const Difference* find_difference(const Comparison& comparison, const std::string& dimension,
                                  const char* measure) {
  const auto found = std::ranges::find_if(
      comparison.rows, [&](const Difference& d) { return d.dimension == dimension && d.measure == measure; });
  return found == comparison.rows.end() ? nullptr : &*found;
}

}  // namespace

Comparison compare(std::span<const ProbeResult> before, std::span<const ProbeResult> after,
                   const Suite& suite) {
  Common common = common_items(before, after);
  Comparison out{.notes = std::move(common.notes)};
  const std::vector<Series> old = series_of(common.before), now = series_of(common.after);
  std::vector<Stratum> total;
  for (size_t i = 0; i < now.size(); ++i) {
    auto stratum = pair_up(old[i], now[i]);
    if (!stratum) {
      out.notes.push_back(
          fmt::format("{} of {}: the two models count different tokens, so it is not compared",
                      now[i].measure, now[i].dimension));
      continue;
    }
    const Difference d = difference_of(now[i], {&*stratum, 1});
    if (!std::isfinite(d.before)) {
      out.notes.push_back(fmt::format("{} of {}: the other model's is not a number, so it is not compared",
                                      d.measure, d.dimension));
      continue;
    }
    out.rows.push_back(d);
    stratum->weight = suite.weight(now[i].dimension);
    if (now[i].measure == "acc" && stratum->weight > 0) total.push_back(std::move(*stratum));
  }
  if (!total.empty()) out.rows.push_back(difference_of({"total", "acc", {}}, total));
  return out;
}

GateResult check_gates(const Suite& suite, std::span<const Score> scores, const Comparison* comparison) {
  GateResult out;
  for (const Gate& gate : suite.gates) {
    const GateKind& kind =
        *std::ranges::find_if(gate_kinds(), [&](const GateKind& k) { return gate.name == k.name; });
    const Score* score = find_score(scores, gate.dimension, kind.measure);
    const Difference* change =
        comparison ? find_difference(*comparison, gate.dimension, kind.measure) : nullptr;
    if (kind.change ? !change : !score) {
      out.unchecked.push_back({gate, kind.change && !comparison ? "nothing to compare with: --against MODEL"
                                     : kind.change              ? "it was not compared"
                                                                : "no item of it in this split"});
      continue;
    }
    double value = kind.change ? kind.worse * (change->after - change->before) : score->value;
    if (kind.change && std::string_view(kind.measure) == "nll") value /= change->before;
    // What is no number holds no bound.
    const bool holds = kind.change || kind.worse > 0 ? value <= gate.limit : value >= gate.limit;
    if (!holds) out.crossed.push_back({gate, value});
  }
  return out;
}

std::string verdict_text(const Difference& d) {
  switch (d.verdict) {
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::no_difference:
      return "no difference shown";
    case Verdict::not_enough_data:
      return fmt::format("not enough data (about {} items would do)", d.enough);
  }
  return "";
}

}  // namespace keel
