// The products of a block with the elementwise work around them, each as one node of the graph that computes
// again what is cheap (a norm, an activation) in place of keeping it, and reads its input once for all
// adapters beside it.
//
// On other devices than the CPU these are compositions of single operators; the tests compare with those.
//
// Shapes: T tokens, I inputs, O outputs.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "model/linear.h"

namespace keel {

using Linears = std::span<const Linear* const>;

// Each linear layer's result for rms_norm(x, norm, eps); x [T, I], contiguous.
std::vector<at::Tensor> normed_linears(const at::Tensor& x_TI, const at::Tensor& norm_I, double eps,
                                       Linears linears, const ForwardMode& mode);
std::vector<at::Tensor> normed_linears_composed(const at::Tensor& x_TI, const at::Tensor& norm_I, double eps,
                                                Linears linears, const ForwardMode& mode);

// residual + linear(x).
at::Tensor add_linear(const at::Tensor& residual_TO, const at::Tensor& x_TI, const Linear& linear,
                      const ForwardMode& mode);

// residual + linear(swiglu(gate, up)).
at::Tensor add_gated_linear(const at::Tensor& residual_TO, const at::Tensor& gate_TI, const at::Tensor& up_TI,
                            const Linear& linear, const ForwardMode& mode);
at::Tensor add_gated_linear_composed(const at::Tensor& residual_TO, const at::Tensor& gate_TI,
                                     const at::Tensor& up_TI, const Linear& linear, const ForwardMode& mode);

}  // namespace keel
