// Products of matrices of a training step, without a graph. On a CPU with a matrix unit bfloat16 goes through
// products of our own (gemm/tiles.h); all else through libtorch.
//
// Matrices are 2-D, with 1 as one of their strides. Two bfloat16 matrices may be added up in fp32: no product
// of ours is rounded before it is added. The numbers do not depend on the number of threads.
#pragma once

#include <ATen/ATen.h>

namespace keel {

// a · b, in their type.
at::Tensor gemm(const at::Tensor& a_MK, const at::Tensor& b_KN);

// a · b in fp32: a gradient of a weight is a sum over many tokens, and the optimiser takes it so.
at::Tensor wide_gemm(const at::Tensor& a_MK, const at::Tensor& b_KN);

// sum + a · b, in the type of a; sum is [M, N] or [N].
at::Tensor gemm_plus(const at::Tensor& sum, const at::Tensor& a_MK, const at::Tensor& b_KN);

// The same into memory that is there; out may be fp32 where a and b are bfloat16.
void gemm_into(const at::Tensor& out_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);
void gemm_onto(const at::Tensor& sum_MN, const at::Tensor& a_MK, const at::Tensor& b_KN, double scale = 1);

}  // namespace keel
