// One training run, from its configuration to its folder.
#pragma once

#include "app/output_folder.h"
#include "app/session.h"
#include "config/run_config.h"
#include "train/trainer.h"

namespace keel {

enum class RunEnd { finished, interrupted, red_line };  // red_line: finished, and a gate is crossed

// A run that is resumed and has nothing left to do is finished and stays as it is. Prints the folder of the
// model (of an interrupted run: of the checkpoint).
RunEnd train_run(RunConfig& config);

// What the configuration says of training; it refers to all of its arguments but the stages.
TrainJob train_job(const RunConfig& config, ChatModel& model, const RunData& data,
                   std::vector<MixStage> stages);

// What a run with these options may do with its folder.
OutputFolder::Use use_of(const TrainOptions& options);

}  // namespace keel
