// One training run, from its configuration to its folder.
#pragma once

#include "app/output_folder.h"
#include "config/run_config.h"

namespace keel {

enum class RunEnd { finished, interrupted };

// A run that is resumed and has nothing left to do is finished and stays as it is. Prints the folder of the
// model (of an interrupted run: of the checkpoint).
RunEnd train_run(RunConfig& config);

// What a run with these options may do with its folder.
OutputFolder::Use use_of(const TrainOptions& options);

}  // namespace keel
