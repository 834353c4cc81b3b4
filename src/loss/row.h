// The loops over the vocabulary, for one row of V logits. Torch-free: this file is compiled once per
// instruction set (AVX-512, AVX2 with FMA, any) and the best one is chosen when the program starts.
// NaN and +inf logits make the sums NaN; a logit of -inf is a word of probability 0.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace keel {

// With d = z - max and e = exp(d): sums over the row. exp is within 2 ulp; sums are float inside a block of
// the row and double across blocks.
struct RowSums {
  float max = 0;
  double e = 0;   // Σ e
  double ed = 0;  // Σ e·d
  double e2 = 0;  // Σ e²
};

// exp_V[v] = e; it may be logits_V itself.
RowSums sum_row(const float* logits_V, float* exp_V, int64_t V);
RowSums sum_row(const Bf16* logits_V, float* exp_V, int64_t V);

// Entropy in nats of the `count` (at most kTopEntropy) largest entries of exp_V, taken as a distribution of
// their own.
inline constexpr int64_t kTopEntropy = 20;
double top_entropy(const float* exp_V, int64_t V, int64_t count = kTopEntropy);

// out_V[v] = exp_V[v] · scale; out_V may be exp_V itself.
void scale_row(const float* exp_V, float* out_V, int64_t V, float scale);
void scale_row(const float* exp_V, Bf16* out_V, int64_t V, float scale);

}  // namespace keel
