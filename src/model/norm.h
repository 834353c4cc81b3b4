// RMS norm (Zhang & Sennrich, 2019): y = x / sqrt(mean(x²) + eps) · w over the last dimension, computed in
// fp32 and rounded once.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// x [..., D], w [D], same dtype. Differentiable in both.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps);

// The same as a composition of ATen operators: other devices, and the oracle of the tests.
at::Tensor rms_norm_composed(const at::Tensor& x, const at::Tensor& w, double eps);

// The arithmetic by itself, on the CPU and without a graph.
struct Normed {
  at::Tensor y, rstd;  // rstd fp32, one a row
};
Normed rms_norm_rows(const at::Tensor& x, const at::Tensor& w, double eps);
struct NormGradients {
  at::Tensor dx, dw;  // dw: undefined where it is not asked for
};
NormGradients rms_norm_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                                 const at::Tensor& rstd, bool train_w);

}  // namespace keel
