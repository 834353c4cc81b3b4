// What a run begins with: from the start, or from a checkpoint.
#pragma once

#include "checkpoint/run_state.h"
#include "optim/adamw.h"
#include "train/health.h"
#include "train/trainer.h"

namespace keel {

// Of all parameters that are trained; UserError when there is none.
AdamW make_optimiser(const TrainJob& job);

SamplerOptions sampler_options(const TrainJob& job);
HealthOptions health_options(const TrainJob& job);

// Empty for a run from the start.
RunState state_to_resume(const TrainJob& job);

// As the checkpoint left it; of a run from the start, empty but for what it begins with. UserError when the
// training set is another one and that was not allowed.
RunMemory memory_of(const RunState& state, const TrainJob& job);

}  // namespace keel
