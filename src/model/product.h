// x · Wᵀ without a graph: in the forward pass of a node of its own, or in answering.
//
// Shapes: T rows, I inputs, O outputs.
#pragma once

#include <ATen/ATen.h>

namespace keel {

struct Weight {
  at::Tensor weight_OI;
  at::Tensor stored_OI;  // the same numbers in bfloat16, where the file has them so; undefined: nowhere
};

// In the type of x. sum_TO is added where it is defined ([T, O] or [O]). Few rows on a CPU are multiplied by
// a product of our own (model/few_rows.h), with the weight as stored where it is.
at::Tensor product(const at::Tensor& x_TI, const Weight& weight, const at::Tensor& sum_TO);

}  // namespace keel
