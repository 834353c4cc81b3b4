#include "train/evaluator.h"

#include <algorithm>
#include <span>

#include "train/replay.h"

namespace keel {

// Source by source, in the order of the set; the total is that of all their tokens.
NllSum Evaluator::run_domain(std::map<std::string, double>& by_source) const {
  std::map<int32_t, NllSum> sums;
  for (auto begin = sets_.domain.begin(); begin != sets_.domain.end();) {
    const auto end =
        std::find_if(begin, sets_.domain.end(), [&](const Example& e) { return e.source != begin->source; });
    sums[begin->source] += nll_over(model_, std::span(begin, end));
    begin = end;
  }
  NllSum total;
  for (const auto& [source, sum] : sums) {
    total += sum;
    if (sets_.sources.size() > 1 && sum.tokens > 0)
      by_source[sets_.sources.at(static_cast<size_t>(source))] = sum.mean();
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

EvalOutcome Evaluator::run(int64_t step, bool candidate, std::optional<double> most_general) {
  EvalOutcome out;
  if (!sets_.general.empty()) out.general = nll_over(model_, sets_.general).mean();
  out.forgot = out.general && most_general && !(*out.general <= *most_general);  // NaN is forgetting, too
  if (!sets_.replay.empty()) out.kl = divergence_over(model_, sets_.replay);
  if (sets_.domain.empty()) return out;
  out.domain = run_domain(out.by_source).mean();
  if (!candidate || out.forgot) return out;
  out.best = !memory_.best || *out.domain < *memory_.best->domain;
  const bool better = note_better_sources(out) || out.best;
  memory_.since_better = better ? 0 : memory_.since_better + 1;
  out.stop = patience_ > 0 && memory_.since_better >= patience_;
  if (!out.best) return out;
  memory_.best = out;
  memory_.best_step = step;
  return out;
}

}  // namespace keel
