// KL divergence from what a frozen model said to what the model says now: Σ_v p₀ ln(p₀/p) over the K tokens
// that were likeliest then, and all others as one bucket (methods: kl_replay). With K = V it is the exact
// divergence; a bucket can only make it smaller.
//
// Shapes: N rows, D hidden size, V vocabulary, K tokens kept of each row.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace keel {

// On the CPU, whatever the device of the model.
struct TopLogProbs {
  at::Tensor ids_NK;    // int32, distinct in a row
  at::Tensor log_p_NK;  // float32, nats; Σ exp ≤ 1 but for rounding
};

// k is cut to V. Makes no gradient.
TopLogProbs top_log_probs(const at::Tensor& hidden_ND, const at::Tensor& head_VD, int64_t k,
                          int64_t loss_chunk);

struct Divergence {
  at::Tensor sum;   // scalar float32 on the CPU: Σ of kl_N; differentiable once
  at::Tensor kl_N;  // float32 on the CPU, nats, ≥ 0 but for rounding
};

// hidden and head as in LossInput.
Divergence divergence_from(const TopLogProbs& target, const at::Tensor& hidden_ND, const at::Tensor& head_VD,
                           int64_t loss_chunk);

}  // namespace keel
