// SwiGLU (Shazeer, 2020) and dropout whose mask is a function of a key, so that a recomputed forward pass
// drops the same elements.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// silu(gate) · up, elementwise, as a composition of ATen operators: other devices, and the oracle of the
// tests. Differentiable in both.
at::Tensor swiglu_composed(const at::Tensor& gate, const at::Tensor& up);

// The same and its gradients on the CPU, without a graph; tensors are contiguous.
at::Tensor swiglu_rows(const at::Tensor& gate, const at::Tensor& up);
struct SwigluGradients {
  at::Tensor gate, up;
};
SwigluGradients swiglu_gradients(const at::Tensor& dy, const at::Tensor& gate, const at::Tensor& up);

// x · (kept ? 1 / (1 - p) : 0).
at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key);
at::Tensor dropout_rows(const at::Tensor& x, double p, uint64_t key);  // without a graph

}  // namespace keel
