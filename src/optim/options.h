// Options of AdamW, the schedule and clipping (torch-free).
#pragma once

#include <string>

#include "base/fields.h"

namespace keel {

struct OptimOptions {
  double learning_rate = 2e-5;
  std::string lr_scheduler_type = "cosine";
  double min_lr_ratio = 0.0;
  int64_t warmup_steps = 0;
  double warmup_ratio = 0.03;
  double weight_decay = 0.0;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double adam_beta2_half_life_tokens = 0;
  double max_grad_norm = 1.0;

  template <class V>
  void fields(V& v) {
    v.group("optimiser");
    v("learning_rate", learning_rate, "peak learning rate, reached after warm-up",
      {.aliases = {"lr"}, .min = 0});
    v("lr_scheduler_type", lr_scheduler_type, "shape after warm-up",
      {.aliases = {"lr_scheduler"}, .choices = {"constant", "constant_with_warmup", "linear", "cosine"}});
    v("min_lr_ratio", min_lr_ratio, "share of the peak at which linear and cosine end",
      {.aliases = {"cosine_min_lr_ratio"}, .min = 0, .max = 1});
    v("warmup_steps", warmup_steps, "steps of linear warm-up; overrides warmup_ratio when above 0",
      {.min = 0});
    v("warmup_ratio", warmup_ratio, "share of all steps used for warm-up", {.min = 0, .max = 1});
    v("weight_decay", weight_decay, "decoupled decay; not applied to norms and biases", {.min = 0});
    v("adam_beta1", adam_beta1, "decay of the first moment", {.min = 0, .max = 1});
    v("adam_beta2", adam_beta2, "decay of the second moment", {.min = 0, .max = 1});
    v("adam_epsilon", adam_epsilon, "added to the root of the second moment", {.min = 0});
    v("adam_beta2_half_life_tokens", adam_beta2_half_life_tokens,
      "reference tokens per step: beta2 becomes beta2^(tokens_per_step/this), so that tiny steps keep its "
      "half-life; 0: off",
      {.min = 0});
    v("max_grad_norm", max_grad_norm, "clip the global gradient norm to this; 0: off", {.min = 0});
  }
};

}  // namespace keel
