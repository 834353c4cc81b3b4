// What a run leaves on disk: the trained model (an HF folder, or a PEFT adapter folder under LoRA) and
// checkpoints, which add the optimiser's state and the position in the data.
#pragma once

#include <filesystem>
#include <string>

#include "eval/chat_model.h"
#include "optim/adamw.h"
#include "train/disk_plan.h"

namespace keel {

class Saver {
 public:
  Saver(const ChatModel& model, const AdamW& optimiser, std::filesystem::path run_dir)
      : model_(model), optimiser_(optimiser), run_dir_(std::move(run_dir)) {}

  SaveSizes sizes() const;  // of what the functions below write

  // run_dir/checkpoints/step-N with trainer_state.json, optimizer.safetensors and checksums.json; the oldest
  // beyond `keep` (apart from this one) are removed, and only the newest two keep the optimiser's state.
  // Returns the folder.
  std::filesystem::path checkpoint(int64_t step, const Json& trainer_state, int64_t keep) const;

  // Again what every checkpoint() ends with, for what could not be removed then.
  void prune(int64_t step, int64_t keep) const;

  // The weights alone, as run_dir/name; replaces an older folder of that name.
  std::filesystem::path weights(const std::string& name) const;

  // run_dir/to as hard links (copies where there are none) of run_dir/from; replaces an older folder of that
  // name.
  std::filesystem::path link(const std::string& from, const std::string& to) const;

 private:
  void write_weights(const std::filesystem::path& dir) const;

  const ChatModel& model_;
  const AdamW& optimiser_;
  std::filesystem::path run_dir_;
};

}  // namespace keel
