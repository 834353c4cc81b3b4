#include "train/evaluator.h"

namespace keel {

Json EvalOutcome::row() const {
  Json out = Json::object();
  if (domain) out["eval_loss"] = *domain;
  if (general) out["general_loss"] = *general;
  return out;
}

EvalOutcome Evaluator::run(bool counts) {
  EvalOutcome out;
  if (!sets_.general.empty()) out.general = nll_over(model_, sets_.general).mean();
  if (sets_.domain.empty()) return out;
  out.domain = nll_over(model_, sets_.domain).mean();
  if (!counts) return out;
  out.best = !best_ || *out.domain < *best_;
  if (out.best) best_ = out.domain;
  since_best_ = out.best ? 0 : since_best_ + 1;
  out.stop = patience_ > 0 && since_best_ >= patience_;
  return out;
}

}  // namespace keel
