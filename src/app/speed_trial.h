// A few training steps to see how long the whole would take.
#pragma once

#include "config/run_config.h"
#include "doctor/diagnosis.h"

namespace keel {

// Trains the model on the first rows for `steps` steps and forgets it. plan: of the whole run.
// UserError: as keel train.
MeasuredSpeed try_steps(RunConfig config, int64_t steps, const Diagnosis& plan);

}  // namespace keel
