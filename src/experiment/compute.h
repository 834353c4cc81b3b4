// What a method costs to train with, for `budget: flops`.
#pragma once

#include "config/run_config.h"

namespace keel {

// Work of training one token of data, in forward passes of the model: a backward pass counts two, under
// adapters one (the frozen weights get no gradient); tokens of replay text come on top by kl_replay_ratio, a
// pass of the model as it was where kl_train or a weighting asks it. Not counted: text that is written once,
// recomputation, measuring, the optimiser; frozen layers count as trained.
double passes_per_token(const RunConfig& config);

}  // namespace keel
