// What a run looks at itself by: its own rows, and the bundled suite's texts and prompts.
#pragma once

#include "app/session.h"
#include "train/monitors.h"

namespace keel {

// Of the model as it is now, which is that before training. Tells how much is measured; nothing where the run
// is too short for its monitor_share.
MonitorSets monitors_of(const RunConfig& config, ChatModel& model, const RunData& data);

}  // namespace keel
