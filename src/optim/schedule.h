// Learning rate by step, with the shapes of Hugging Face's schedules.
#pragma once

#include <cstdint>

#include "optim/options.h"

namespace keel {

// warmup_steps when above 0, else warmup_ratio of all steps, rounded up.
int64_t warmup_steps_of(int64_t total_steps, const OptimOptions& options);

// step counts from 0. During warm-up the rate is peak · step / warmup, so the first step of a run with
// warm-up has rate 0. Then: `constant` (ignores warm-up), `constant_with_warmup`, or a fall to
// peak · min_lr_ratio at total_steps: `linear`, `cosine`. From total_steps on the rate stays.
// Throws UserError for an unknown lr_scheduler_type.
double learning_rate_at(int64_t step, int64_t total_steps, const OptimOptions& options);

}  // namespace keel
