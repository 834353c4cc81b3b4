#include "train/evaluator.h"

namespace keel {

EvalOutcome Evaluator::run(bool counts) {
  EvalOutcome out;
  if (!sets_.general.empty()) out.general = nll_over(model_, sets_.general).mean();
  if (sets_.domain.empty()) return out;
  out.domain = nll_over(model_, sets_.domain).mean();
  if (!counts) return out;
  out.best = !memory_.best || *out.domain < *memory_.best;
  if (out.best) memory_.best = out.domain;
  memory_.since_best = out.best ? 0 : memory_.since_best + 1;
  out.stop = patience_ > 0 && memory_.since_best >= patience_;
  return out;
}

}  // namespace keel
