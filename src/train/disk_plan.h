// What a run will leave on disk, told and compared with the free space before it begins.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/sampler.h"
#include "train/options.h"

namespace keel {

// Bytes; the small files of a checkpoint (trainer_state.json, checksums.json) are left out.
struct SaveSizes {
  int64_t weights = 0;    // a model or adapter folder
  int64_t optimiser = 0;  // the optimiser's state
  int64_t checkpoint() const { return weights + optimiser; }
};

// Whether something that happens every so many steps (0: after each epoch) happens behind this one, as it
// always does at the end of a stage.
bool is_due(const StepPlace& at, int64_t step, int64_t every);

struct DiskPlan {
  int64_t checkpoints = 0;  // still to be written, without that of an interruption
  int64_t keep = 0;         // save_total_limit
  int64_t epochs = 0;       // folders of weights, still to be written, that are kept for good
  bool best = false;        // the best weights are kept beside the last

  int64_t kept_checkpoints() const;
  // The most that lies on the disk at once: each folder is written beside the one that it replaces.
  int64_t most_bytes(const SaveSizes& sizes) const;
};

// Of what is left to do behind `step`. chooses: there is a score, which makes one of the weights
// the best.
DiskPlan disk_plan(const Sampler& sampler, const TrainOptions& options, int64_t step, bool chooses);

// Tells the sizes. UserError where `free` and what earlier checkpoints in run_dir hold is not enough.
void check_disk(const std::filesystem::path& run_dir, const DiskPlan& plan, const SaveSizes& sizes,
                int64_t free);

}  // namespace keel
