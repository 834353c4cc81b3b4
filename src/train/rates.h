// The learning rate of each step of a run: each stage has a schedule of its own.
#pragma once

#include <vector>

#include "data/sampler.h"
#include "optim/options.h"

namespace keel {

// The peak of this stage.
double peak_rate(const Sampler& sampler, const OptimOptions& optim, size_t stage);

// step: done before this one, from the start of training.
double rate_of_step(const Sampler& sampler, const OptimOptions& optim, int64_t step);

// Stages whose every step has rate 0.
std::vector<size_t> stages_without_rate(const Sampler& sampler, const OptimOptions& optim);

}  // namespace keel
