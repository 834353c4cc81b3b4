// One pass over n parameters that reads and writes each value once. Torch-free; see base/simd.h.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace keel {

// With g the scaled gradient, as torch.optim.AdamW computes it:
//   p *= keep;  m += (g − m)·(1 − β1);  v = β2·v + (1 − β2)·g²;  p −= step_size · m / (√v·root_scale + ε)
struct SweepStep {
  float gradient_scale = 1;
  float keep = 1;  // 1 − learning rate · weight decay
  float one_minus_beta1 = 0, beta2 = 0, one_minus_beta2 = 0;
  float step_size = 0;   // learning rate / (1 − β1^t)
  float root_scale = 1;  // 1 / √(1 − β2^t)
  float epsilon = 0;
};

struct SweepData {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;   // m
  float* second = nullptr;  // v
};

void sweep(const SweepData& data, int64_t n, const SweepStep& step);

// The same, and the new parameters also go to `copy`, rounded as by dither(); copy[i] is at `first` + i of
// its tensor.
void sweep(const SweepData& data, Bf16* copy, int64_t first, int64_t n, const SweepStep& step);

// values to bfloat16, each by the threshold of its place (optim/dither.h). A place has that of
// place mod kThresholds: the upper 16 of 32 bits x = place·mix₀, x = (x ^ x >> 13)·mix₁.
inline constexpr int64_t kThresholds = 1 << 20;
inline constexpr int64_t kThresholdMix[] = {0x85ebca6b, 0xc2b2ae35};  // of MurmurHash3
void dither(const float* values, Bf16* out, int64_t first, int64_t n);

// Σ values², in double.
double sum_of_squares(const float* values, int64_t n);

}  // namespace keel
