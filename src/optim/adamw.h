// AdamW with decoupled decay (Loshchilov & Hutter, 2019) over named tensors. Tensors of a lower compute dtype
// have fp32 masters, of which bfloat16 ones are dithered copies (optim/dither.h), and from here on gradients
// (.grad) in fp32. Everything lies where the tensors lie.
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

  // What a step would use now, in the order of the parameters: the accumulators themselves, not copies;
  // undefined where there is no gradient.
  std::vector<at::Tensor> gradients() const;

  // Global L2 norm of the accumulated gradients; summed in double, in an order that does not depend on the
  // number of threads.
  double gradient_norm() const;

  // One update with gradients scaled by `scale` (clipping), then gradients are cleared. beta2_power: exponent
  // on beta2 (adam_beta2_half_life_tokens), 1 usually.
  void step(double learning_rate, double scale = 1.0, double beta2_power = 1.0);
  void clear_gradients();

  // From now on weights are pulled to what they are now. l2_sp: decoupled decay towards it, in place of 0, by
  // learning_rate · l2_sp a step. ewc: add_anchor_gradients() adds ewc · F_i · (θ_i − θ₀_i) to the gradients,
  // F what add_to_fisher() has summed: share · gradient², of gradients that it uses up.
  void anchor(double l2_sp, double ewc);
  void add_to_fisher(double share);
  void add_anchor_gradients();

  // fp32 values of the trained tensors (masters where they exist), for saving.
  std::map<std::string, at::Tensor> masters() const;

  // All that a resumed run needs: "master.<name>" (fp32 values), "exp_avg.<name>", "exp_avg_sq.<name>",
  // "step", "beta2_exponent". The tensors are the optimiser's own, not copies. load_state copies into the
  // trained tensors too; where one is missing or has another shape it throws UserError and changes nothing.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  struct Slot {
    OptimParameter parameter;
    at::Tensor master;                    // fp32; the parameter itself when that is fp32
    at::Tensor first, second;             // fp32 moments
    at::Tensor start = {}, fisher = {};   // of an anchor; start in the type of the parameter, fisher fp32
    at::Tensor pending_gradient() const;  // what a step would use; undefined when there is none
    void copy_master();                   // to the parameter, where that is another tensor
  };

  std::vector<Slot> slots_;
  OptimOptions options_;
  int64_t steps_ = 0;
  double beta2_exponent_ = 0;  // Σ beta2_power, for the bias correction
  double l2_sp_ = 0, ewc_ = 0;
};

}  // namespace keel
