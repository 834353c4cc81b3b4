// SwiGLU (Shazeer, 2020) and dropout whose mask is a function of a key, so that a recomputed forward pass
// drops the same elements.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// silu(gate) · up, elementwise. Differentiable in both.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
at::Tensor swiglu_composed(const at::Tensor& gate, const at::Tensor& up);

// x · (kept ? 1 / (1 - p) : 0).
at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key);

}  // namespace keel
