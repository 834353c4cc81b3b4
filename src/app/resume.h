// Going on with an interrupted run.
#pragma once

#include <filesystem>
#include <optional>

#include "config/run_config.h"

namespace keel {

// Whether the options ask for it ("resume_from_checkpoint: true" or a folder).
bool wants_resume(const TrainOptions& options);

// The checkpoint to go on from; nothing: the run left none (or there is no run yet) and starts over. Options
// that are "auto" take the run's values; UserError lists what differs from its config.yaml and would alter
// the result.
std::optional<std::filesystem::path> prepare_resume(RunConfig& config);

}  // namespace keel
