#include "train/evaluator.h"

namespace keel {

EvalOutcome Evaluator::run(int64_t step) {
  EvalOutcome out;
  if (!sets_.general.empty()) out.general = nll_over(model_, sets_.general).mean();
  if (sets_.domain.empty()) return out;
  out.domain = nll_over(model_, sets_.domain).mean();
  if (step == 0) return out;
  out.best = !memory_.best || *out.domain < *memory_.best->domain;
  if (out.best) {
    memory_ = {.best = out, .best_step = step, .since_best = 0};
  } else {
    ++memory_.since_best;
  }
  out.stop = patience_ > 0 && memory_.since_best >= patience_;
  return out;
}

}  // namespace keel
