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

// The same, and the new parameters also go to `copy`.
void sweep(const SweepData& data, Bf16* copy, int64_t n, const SweepStep& step);

// Σ values², in double.
double sum_of_squares(const float* values, int64_t n);

}  // namespace keel
