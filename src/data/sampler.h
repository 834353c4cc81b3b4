// Which samples each optimiser step trains: a pure function of (seed, step), so a resumed run sees the order
// of one that never stopped. Samples per step are fixed (batch_size × accumulation; the last step of an epoch
// may have fewer), however they are dealt out to micro-batches.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/mixture.h"

namespace keel {

struct SamplerOptions {
  int64_t batch_size = 1;    // samples of a micro-batch, on average
  int64_t accumulation = 1;  // micro-batches of a step
  uint64_t seed = 42;
  bool shuffle = true;
  bool balance = true;  // deal a step's samples so that its micro-batches have about equal tokens
};

struct StepPlan {
  std::vector<std::vector<uint32_t>> micro;  // indices of examples; no micro-batch is empty
  int64_t samples() const {
    int64_t n = 0;
    for (const auto& m : micro) n += static_cast<int64_t>(m.size());
    return n;
  }
};

// Where a run stands: steps of `epoch` that are done.
struct Cursor {
  int64_t epoch = 0;
  int64_t step = 0;
  bool operator==(const Cursor&) const = default;
};

class Sampler {
 public:
  // lengths: tokens of each example. BugError when there is none. With a mixture its order is dealt out, else
  // every example comes once an epoch.
  Sampler(std::vector<int64_t> lengths, SamplerOptions options, std::optional<Mixture> mixture = {});

  int64_t samples_per_epoch() const;
  int64_t steps_per_epoch() const;
  // max_steps > 0 wins; else the epochs' steps, a fraction rounded up (0.5 epochs of 3 steps: 2).
  int64_t total_steps(double epochs, int64_t max_steps = 0) const;
  // step: optimiser steps done before this one, from the start of training.
  StepPlan plan(int64_t step);
  Cursor cursor(int64_t steps_done) const;
  int64_t steps_done(const Cursor& cursor) const;
  // Indices of examples in the order of the epoch.
  std::vector<uint32_t> epoch_order(int64_t epoch) const;

 private:
  std::vector<int64_t> lengths_;
  SamplerOptions options_;
  std::optional<Mixture> mixture_;
  int64_t order_epoch_ = -1;
  std::vector<uint32_t> order_;  // of order_epoch_
};

}  // namespace keel
