// Going on with an interrupted run.
#pragma once

#include <filesystem>
#include <optional>

#include "config/run_config.h"

namespace keel {

// Whether the options ask for it ("resume_from_checkpoint: true" or a folder).
bool wants_resume(const TrainOptions& options);

// Of a finished run that stays as it is: UserError lists the options that alter the result and differ from
// the config.yaml in its output_dir.
void refuse_changes(RunConfig config);

struct ResumePoint {
  bool finished = false;  // the run came to its end and is asked for nothing else: nothing was touched
  std::optional<std::filesystem::path> checkpoint;  // nothing: the run left none and starts over
};

// What there is to go on from. Options that are "auto" take the run's values; UserError lists what differs
// from its config.yaml and would alter the result. A finished run goes on all the same where allow_change
// let something through or names the dataset (whose content is not looked at here), or when a checkpoint
// was named.
ResumePoint prepare_resume(RunConfig& config);

// To be called when training begins: from here on the run is no finished one.
void forget_end(const std::filesystem::path& run_dir);

}  // namespace keel
