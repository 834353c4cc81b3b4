#include "train/interpolants.h"

namespace keel {

double gain_kept(const EvalOutcome& before, const EvalOutcome& outcome, const EvalOutcome& trained) {
  return (*before.domain - *outcome.domain) / (*before.domain - *trained.domain);
}

size_t best_interpolant(const EvalOutcome& before, std::span<const Interpolant> models, double least_gain) {
  size_t best = models.size() - 1;
  const EvalOutcome& trained = models[best].outcome;
  if (!(*trained.domain < *before.domain)) return best;
  for (size_t i = 0; i < models.size(); ++i) {
    const EvalOutcome& outcome = models[i].outcome;
    const bool learned = gain_kept(before, outcome, trained) >= least_gain;
    if (learned && *outcome.general < *models[best].outcome.general) best = i;
  }
  return best;
}

}  // namespace keel
