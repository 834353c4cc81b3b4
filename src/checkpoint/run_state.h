// Checkpoints of a run: ROOT/step-000123/ is a model (or adapter) folder with two files more,
// trainer_state.json (position in the data, schedule, best result: train/'s own keys) and
// optimizer.safetensors. A checkpoint is written through a PartFolder, so a folder of that name is a whole
// one. The two newest hold all that a run needs to go on; older ones give up the optimiser's state and stay
// as models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/tensors.h"

namespace keel {

struct RunState {
  Json trainer = Json::object();
  TensorMap optimizer;
};

// Into / from a checkpoint's folder. Reading: UserError when one of the two is missing or damaged.
void write_run_state(const std::filesystem::path& dir, const RunState& state);
RunState read_run_state(const std::filesystem::path& dir);

struct CheckpointEntry {
  int64_t step = 0;
  std::filesystem::path dir;
  bool resumable = false;  // it has the optimiser's state
};

inline constexpr int64_t kResumable = 2;  // checkpoints with the optimiser's state

std::string checkpoint_name(int64_t step);  // "step-000123"

// Checkpoints by rising step; an absent root has none. UserError where it cannot be read: then nobody knows.
std::vector<CheckpointEntry> list_checkpoints(const std::filesystem::path& root);

// UserError: it has no optimiser's state, or its files are not as they were written.
void verify_checkpoint(const std::filesystem::path& dir);

// The newest resumable one whose files are as they were written; each newer one is warned about with what is
// wrong in it.
std::optional<CheckpointEntry> newest_good_checkpoint(const std::filesystem::path& root);

// Removes all but that of `step`, the run's newest, and the `keep` before it; all but the two newest lose the
// optimiser's state. Later ones go too: the run went on from before them (they were damaged, or an earlier
// one was named). What a kill left half-written or half-removed goes as well. What cannot be removed is
// warned about, no more: the run matters more than the disk.
void prune_checkpoints(const std::filesystem::path& root, int64_t step, int64_t keep);

}  // namespace keel
