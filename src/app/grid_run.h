// keel train with a grid: one run an arm, each in a folder of its own, and the one that wins.
#pragma once

#include "app/train_run.h"

namespace keel {

// Arms that are finished are not run again when it is resumed. Leaves config.yaml, grid.json, summary.json
// and report.html beside the arms' folders.
RunEnd grid_run(const RunConfig& config);

}  // namespace keel
