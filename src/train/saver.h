// What a run leaves on disk: the trained model (an HF folder, or a PEFT adapter folder under LoRA) and
// checkpoints, which add the optimiser's state and the position in the data. One save is under way at a time:
// every function that writes waits for the one before, and throws the error of one that failed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/background.h"
#include "eval/chat_model.h"
#include "optim/adamw.h"
#include "train/disk_plan.h"
#include "train/reference.h"
#include "train/tensor_copies.h"

namespace keel {

// The tensors of a save, in the types of its files.
struct Snapshot {
  std::optional<Json> adapter;  // its config; without one, the weights are the whole model's
  TensorMap weights, optimiser;
};

class Saver {
 public:
  // beside: start_checkpoint writes beside the caller's work; otherwise at once, without copies. recent: goes
  // into checkpoints with the optimiser's state; null: there is none.
  Saver(const ChatModel& model, const AdamW& optimiser, std::filesystem::path run_dir, bool beside,
        const Reference* recent = nullptr)
      : model_(model),
        optimiser_(optimiser),
        recent_(recent),
        run_dir_(std::move(run_dir)),
        beside_(beside) {}

  SaveSizes sizes() const;  // of what the functions below write

  // run_dir/checkpoints/step-N with trainer_state.json, optimizer.safetensors and checksums.json; the oldest
  // beyond `keep` (apart from this one) are removed, and only the newest two keep the optimiser's state.
  // Returns the folder.
  std::filesystem::path checkpoint(int64_t step, const Json& trainer_state, int64_t keep);

  // The same folder, bit by bit, written while the caller goes on to train: this returns when everything is
  // copied. Where memory does not hold the copy, it is written at once.
  void start_checkpoint(int64_t step, const Json& trainer_state, int64_t keep);

  void wait();   // until nothing is being written; throws what that failed with
  void check();  // throws what a save that has ended failed with; never waits

  // Again what every checkpoint() ends with, for what could not be removed then.
  void prune(int64_t step, int64_t keep);

  // The weights alone, as run_dir/name; replaces an older folder of that name.
  std::filesystem::path weights(const std::string& name);

  // run_dir/to as hard links (copies where there are none) of run_dir/from; replaces an older folder of that
  // name.
  std::filesystem::path link(const std::string& from, const std::string& to);

 private:
  TensorMap state() const;  // of the optimiser and the recent reference
  Snapshot snapshot_of(TensorMap state) const;
  void write_weights(const Snapshot& snapshot, const std::filesystem::path& dir) const;
  std::filesystem::path write_checkpoint(const Snapshot& snapshot, int64_t step, const Json& trainer_state,
                                         int64_t keep) const;

  const ChatModel& model_;
  const AdamW& optimiser_;
  const Reference* recent_;
  std::filesystem::path run_dir_;
  bool beside_;
  TensorCopies copies_;
  Background background_{"the checkpoint that was being written"};  // last: it uses what is above
};

}  // namespace keel
