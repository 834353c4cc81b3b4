// Which samples each optimiser step trains: a pure function of (seed, step), so a resumed run sees the order
// of one that never stopped. Samples per step are fixed (batch_size × accumulation; the last step of an epoch
// may have fewer), however they are dealt out to micro-batches. A run has one stage or several, each with a
// mixture and epochs of its own; epochs are counted on from stage to stage.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "data/mixture.h"

namespace keel {

struct SamplerOptions {
  int64_t batch_size = 1;    // samples of a micro-batch, on average
  int64_t accumulation = 1;  // micro-batches of a step
  uint64_t seed = 42;
  bool shuffle = true;
  bool balance = true;            // deal a step's samples so that its micro-batches have about equal tokens
  std::vector<double> keys = {};  // of each example: those of small ones first; empty: shuffled
  // Of stages that say nothing themselves; max_steps above 0 goes before epochs.
  double epochs = 1;
  int64_t max_steps = 0;
};

struct StepPlan {
  std::vector<std::vector<uint32_t>> micro;  // indices of examples; no micro-batch is empty
  int64_t samples() const {
    int64_t n = 0;
    for (const auto& m : micro) n += static_cast<int64_t>(m.size());
    return n;
  }
};

struct MixStage {
  std::optional<Mixture> mixture = {};  // nothing: every example once an epoch
  std::optional<double> epochs = {};
  std::optional<int64_t> max_steps = {};
  std::optional<double> learning_rate = {};  // nothing: the run's
};

// Where a step lies.
struct StepPlace {
  size_t stage = 0;
  int64_t step = 0, steps = 0;   // in the stage, from 0; of the stage
  int64_t epoch = 0, first = 0;  // of the whole run, from 0; the epoch's first step in the stage
  bool ends_epoch = false, ends_stage = false;
};

class Sampler {
 public:
  // lengths: tokens of each example. BugError when there is none, or no stage.
  Sampler(std::vector<int64_t> lengths, SamplerOptions options, std::vector<MixStage> stages = {MixStage{}});

  // Of all stages, a fraction of an epoch rounded up (0.5 epochs of 3 steps: 2).
  int64_t total_steps() const { return stages_.back().first_step + stages_.back().steps; }
  int64_t samples_per_epoch(size_t stage = 0) const { return stages_[stage].samples; }
  int64_t steps_per_epoch(size_t stage = 0) const { return stages_[stage].steps_per_epoch; }
  // step: optimiser steps done before this one, from the start of training. Behind its end the last stage
  // goes on.
  StepPlan plan(int64_t step);
  StepPlace place(int64_t step) const;
  double epochs_done(int64_t steps) const;
  const MixStage& stage(size_t i) const { return stages_[i].mix; }
  size_t stages() const { return stages_.size(); }

 private:
  struct Dealt {
    MixStage mix;
    int64_t samples = 0, steps_per_epoch = 0;
    int64_t first_step = 0, steps = 0, first_epoch = 0;
  };

  int64_t steps_of(const Dealt& stage) const;
  std::vector<uint32_t> epoch_order(const StepPlace& at) const;

  std::vector<int64_t> lengths_;
  SamplerOptions options_;
  std::vector<Dealt> stages_;
  std::optional<std::pair<size_t, int64_t>> ordered_;  // stage and epoch of order_
  std::vector<uint32_t> order_;
};

}  // namespace keel
