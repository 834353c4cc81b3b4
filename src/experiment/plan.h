// plan.yaml of `keel compare`: arms × learning rates × seeds that share their data, their budget and what
// they are measured by (docs/compare.md).
//
//   output_dir: runs/compare
//   base: {model_name_or_path: models/smollm2-135m, dataset: train.jsonl, val_size: 50}   # or a file
//   arms: {plain: {token_weighting: none}, nlirg: {token_weighting: nlirg}}
//   learning_rates: [5e-5, 2e-4]
//   seeds: [1, 2, 3]
//   eval: {suite: general, half: monitor, domain: eval_dataset}
//   contrasts: [[nlirg, plain]]
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.h"

namespace keel {

// Of a run's folder: plain_lr5e-05_seed1.
std::string run_name(const std::string& arm, double rate, int64_t seed);

struct PlannedRun {
  std::string arm;
  double rate = 0;  // peak learning rate
  int64_t seed = 0;
  RunConfig config;

  std::string name() const { return run_name(arm, rate, seed); }
};

struct ArmPair {
  std::string arm, against;
  bool operator==(const ArmPair&) const = default;
};

struct Plan {
  std::filesystem::path output_dir;
  std::vector<std::string> arms;  // in the order of the file
  std::string suite;              // empty: none
  std::string half = "monitor";
  std::string domain = "eval_dataset";  // or suite: the accuracy of its dimension "domain"
  std::string budget = "tokens";        // what is the same in every arm; or steps, flops
  std::optional<double> target;         // domain score to match the arms at; nothing: found from the runs
  bool keep_models = true;
  std::vector<ArmPair> contrasts;  // differences that are claimed; every arm against the first by default
  std::vector<PlannedRun> runs;    // seed by seed, so that an early end leaves whole seeds

  std::filesystem::path folder_of(const PlannedRun& run) const { return output_dir / "runs" / run.name(); }
};

// output_dir: instead of the file's, if not empty. UserError: all mistakes of the plan and of its runs'
// options, with their lines; what an arm may not change (arm_rules.h).
Plan read_plan(const std::string& path, const std::string& output_dir = {});

}  // namespace keel
