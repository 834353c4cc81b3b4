// AdamW with decoupled decay (Loshchilov & Hutter, 2019) over named tensors. fp32 masters are kept for
// tensors of a lower compute dtype; gradients are accumulated in fp32.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "optim/options.h"

namespace keel {

struct OptimParameter {
  std::string name;
  at::Tensor tensor;  // leaf that requires grad
  bool decay = false;
};

class AdamW {
 public:
  AdamW(std::vector<OptimParameter> parameters, const OptimOptions& options);

  // Moves .grad of every tensor into the fp32 accumulators (when the compute dtype is lower) and clears it.
  // A no-op for fp32 tensors, whose .grad is the accumulator.
  void collect_gradients();

  // Global L2 norm of the accumulated gradients.
  double gradient_norm() const;

  // One update with gradients scaled by `scale` (clipping), then gradients are cleared. beta2_power: exponent
  // on beta2 (adam_beta2_half_life_tokens), 1 usually.
  void step(double learning_rate, double scale = 1.0, double beta2_power = 1.0);
  void clear_gradients();

  // fp32 values of the trained tensors (masters where they exist), for saving.
  std::map<std::string, at::Tensor> masters() const;

  // Moments and step count by name ("exp_avg.<name>", "exp_avg_sq.<name>", "step"), and back.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  struct Slot;
  std::vector<Slot> slots_;
  OptimOptions options_;
  int64_t steps_ = 0;
};

}  // namespace keel
