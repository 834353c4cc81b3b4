// The run: epochs of steps, evaluations, checkpoints, an end. Everything a run leaves lies in its folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "data/dataset.h"
#include "data/sampler.h"
#include "eval/chat_model.h"
#include "loss/options.h"
#include "optim/options.h"
#include "train/evaluator.h"
#include "train/options.h"
#include "train/protection_options.h"

namespace keel {

struct TrainJob {
  ChatModel& model;
  const Dataset& train_set;
  const EvalSets& eval_sets;
  const TrainOptions& options;
  const OptimOptions& optim;
  const LossOptions& loss;
  std::vector<LossOptions> loss_by_source = {};  // one a dataset of train_set.sources; empty: loss for all
  std::vector<MixStage> stages = {MixStage{}};   // of the run, one after another
  std::string loss_reduction = "token";
  ProtectionOptions protection = {};
  const ReplaySet* replay = nullptr;  // text for kl_replay and ewc; null: none
  CausalLM* teacher = nullptr;        // of distill; null: the model as it is now
  int64_t pack_tokens = 2048;         // most tokens of one forward pass (a longer sample goes alone)
  int64_t recomputed_blocks = 0;      // of the model, in the backward pass
  std::filesystem::path run_dir;
  std::string progress_name = {};  // put before each console line
  std::function<bool()> stop_requested = [] { return false; };
  bool save = true;                        // false: nothing but metrics is written
  std::filesystem::path resume_from = {};  // a checkpoint of run_dir, whole; empty: from the start
  bool allow_other_data = false;           // resume although the training set is not the one that was trained
};

struct TrainSummary {
  int64_t steps = 0, total_steps = 0, tokens = 0, supervised = 0;
  double seconds = 0, tokens_per_s = 0, supervised_per_s = 0, peak_memory_gb = 0;
  double first_loss = 0, last_loss = 0;
  EvalOutcome before, after;          // after: of the weights that the model holds at the end
  double monitor_seconds = 0;         // besides `seconds`
  int64_t quarantined = 0;            // rows left out because they were sick
  int64_t skipped = 0;                // updates left out: not finite, or a spike
  std::vector<std::string> warnings;  // each once, with its likely cause
  int64_t best_step = 0;
  std::string ended;  // "finished", "stopped early: …", kInterrupted
  std::filesystem::path
      saved;  // model or adapter folder (the checkpoint of an interrupted run); empty without save
  bool saved_is_in_memory = true;  // false: `saved` holds the best weights, the model in memory the last ones
};

inline constexpr const char* kInterrupted = "interrupted";

TrainSummary train(const TrainJob& job);

}  // namespace keel
