// The loss kernel: from the hidden states of the rows that carry loss to (sum, denominator), never a mean.
// Logits exist for `loss_chunk` rows at a time; from one chunk come NLL, entropy, Σp², the token's weight and
// the gradient.
//
// Shapes: N supervised rows, D hidden size, V vocabulary.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "loss/options.h"

namespace keel {

// hidden and head lie on one device, what is said of the rows on the CPU.
struct LossInput {
  at::Tensor hidden_ND;      // rows that predict a supervised label; compute dtype; may require grad
  at::Tensor head_VD;        // LM head weight; may require grad
  at::Tensor labels_N;       // int64
  at::Tensor coefficient_N;  // float32: user weight and reduction; multiplies numerator only (its sum is
                             // counted in data/)
  at::Tensor end_of_turn_N;  // bool
  at::Tensor reference_nll_N = {};  // float32, nats: what a weighting's reference model says of the labels
};

// Per-token values are detached float32 tensors on the CPU, the sum too.
struct LossResult {
  at::Tensor sum;        // scalar float32: Σ coefficient · weight · nll; differentiable
  at::Tensor nll_N;      // −ln p of the label, nats
  at::Tensor entropy_N;  // of the predicted distribution, nats
  at::Tensor weight_N;   // the token weighting's value
};

// Also the losses that are no weight times nll: gem, and the controls of a weighting.
LossResult weighted_cross_entropy(const LossInput& input, const LossOptions& options);

// Share of tokens and of gradient weight per loss zone (<= 1.45, 1.45–6.6, 6.6–15, >= 15).
struct LossZones {
  double tokens[4] = {};
  double weight[4] = {};
};
LossZones loss_zones(const at::Tensor& nll_N, const at::Tensor& weight_N);

}  // namespace keel
