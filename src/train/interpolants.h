// Models between the one as it was and the one as it was trained (model/interpolate.h), and which of them to
// keep.
#pragma once

#include <cstddef>
#include <span>

#include "train/run_memory.h"

namespace keel {

struct Interpolant {
  double share = 1;  // of the way to the trained model
  EvalOutcome outcome;
};

// The least general loss among those that keep at least `least_gain` of what the trained model (the first of
// them) has gained in domain loss. All have both losses. The trained model when it has gained nothing.
size_t best_interpolant(const EvalOutcome& before, std::span<const Interpolant> models, double least_gain);

// The share of the trained model's gain in domain loss that `outcome` keeps.
double gain_kept(const EvalOutcome& before, const EvalOutcome& outcome, const EvalOutcome& trained);

}  // namespace keel
