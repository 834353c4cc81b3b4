#include "train/interpolants.h"

namespace keel {

double gain_kept(const EvalOutcome& before, const EvalOutcome& outcome, const EvalOutcome& trained) {
  return (*before.domain - *outcome.domain) / (*before.domain - *trained.domain);
}

size_t best_interpolant(const EvalOutcome& before, std::span<const Interpolant> models, double least_gain) {
  const EvalOutcome& trained = models.front().outcome;
  size_t best = 0;
  if (!(*trained.domain < *before.domain)) return best;
  for (size_t i = 1; i < models.size(); ++i) {
    const EvalOutcome& outcome = models[i].outcome;
    const bool learned = gain_kept(before, outcome, trained) >= least_gain;
    if (learned && *outcome.general < *models[best].outcome.general) best = i;
  }
  return best;
}

}  // namespace keel
