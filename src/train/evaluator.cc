#include "train/evaluator.h"

#include <algorithm>
#include <span>

#include "train/replay.h"

namespace keel {

namespace {

// Adds each row that is read to `rows`.
NllOptions keeping(RowLosses& rows) {
  return {.on_row = [&rows, row = size_t{0}](const RowSignals& signals) mutable {
    const size_t place = row++ % kMostRowLosses;
    if (place == rows.size()) rows.emplace_back();
    rows[place].nll += signals.nll_sum();
    rows[place].tokens += signals.example->supervised();
  }};
}

}  // namespace

// Source by source, in the order of the set; the total is that of all their tokens.
NllSum Evaluator::run_domain(EvalOutcome& outcome) const {
  const NllOptions options = keeping(outcome.domain_rows);
  std::map<int32_t, NllSum> sums;
  for (auto begin = sets_.domain.begin(); begin != sets_.domain.end();) {
    const auto end =
        std::find_if(begin, sets_.domain.end(), [&](const Example& e) { return e.source != begin->source; });
    sums[begin->source] += nll_over(model_, std::span(begin, end), options);
    begin = end;
  }
  NllSum total;
  for (const auto& [source, sum] : sums) {
    total += sum;
    if (sets_.sources.size() > 1 && sum.tokens > 0)
      outcome.by_source[sets_.sources.at(static_cast<size_t>(source))] = sum.mean();
  }
  return total;
}

bool Evaluator::note_better_sources(const EvalOutcome& outcome) {
  bool any = false;
  for (const auto& [source, nll] : outcome.by_source) {
    const auto [best, first] = memory_.best_by_source.try_emplace(source, nll);
    any = any || first || nll < best->second;
    best->second = std::min(best->second, nll);
  }
  return any;
}

std::optional<double> BestRule::score(const EvalOutcome& o) const {
  if (metric == "general_loss") return o.general;
  if (metric == "kl_from_start") return o.kl;
  if (metric != "frontier") return o.domain;
  if (!o.domain || !o.general) return std::nullopt;
  return *o.domain + frontier_weight * *o.general;
}

bool Evaluator::chooses() const {
  const auto there = [](bool measured) { return measured ? std::optional(0.0) : std::nullopt; };
  return rule_
      .score({.domain = there(!sets_.domain.empty()),
              .general = there(!sets_.general.empty()),
              .kl = there(!sets_.replay.empty())})
      .has_value();
}

EvalOutcome Evaluator::measure() const {
  EvalOutcome out;
  if (!sets_.general.empty()) out.general = nll_over(model_, sets_.general, keeping(out.general_rows)).mean();
  if (!sets_.replay.empty()) out.kl = divergence_over(model_, sets_.replay);
  if (!sets_.domain.empty()) out.domain = run_domain(out).mean();
  return out;
}

void Evaluator::judge(EvalOutcome& out, int64_t step, bool candidate, std::optional<double> most_general) {
  out.forgot = out.general && most_general && !(*out.general <= *most_general);  // NaN is forgetting, too
  const std::optional<double> score = rule_.score(out);
  if (!score || !candidate || out.forgot) return;
  out.best = !memory_.best || *score < rule_.score(*memory_.best);
  const bool a_source = note_better_sources(out) && rule_.metric == "eval_loss";
  memory_.since_better = out.best || a_source ? 0 : memory_.since_better + 1;
  out.stop = rule_.patience > 0 && memory_.since_better >= rule_.patience;
  if (!out.best) return;
  memory_.best = out;
  memory_.best_step = step;
}

}  // namespace keel
