// Gradients of leaves in fp32, put where they belong by the node that makes them: autograd would take memory
// for each micro-batch's and add it up in a pass of its own.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// Whether the running backward pass adds to the leaf's .grad, which is fp32: it is no torch::autograd::grad,
// and nobody but the node will do it.
bool takes_gradient(const at::Tensor& leaf);

// What a backward function returns for `leaf`: a · b or scale · gradient (which may be written to); or
// nothing, where the leaf has taken it.
at::Tensor product_gradient(const at::Tensor& leaf, const at::Tensor& a_MK, const at::Tensor& b_KN);
at::Tensor scaled_gradient(const at::Tensor& leaf, const at::Tensor& gradient, const at::Tensor& scale);

// d of rows ids_T of the leaf [V, D].
at::Tensor rows_gradient(const at::Tensor& leaf, const at::Tensor& ids_T, const at::Tensor& d_TD);

}  // namespace keel
