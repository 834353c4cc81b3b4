// The replay text of a run (kl_replay): written, taken from files, or found from before.
#pragma once

#include "config/run_config.h"
#include "train/replay_set.h"

namespace keel {

inline constexpr const char* kReplayFile = "replay.safetensors";

// Empty without kl_replay. The run folder keeps it as replay.safetensors, so that a resumed run replays the
// same bits. The model must be as it was before training.
ReplayHalves replay_text(const RunConfig& config, ChatModel& model, bool resumed);

}  // namespace keel
