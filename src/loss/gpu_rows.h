// The row pass on other devices than the CPU. Statistics of the rows come to the host, where the weighting
// looks at them; shares go back.
#pragma once

#include <ATen/ATen.h>

#include "loss/kernel.h"

namespace keel {

// Made of ATen operators: any device, and an oracle of the tests.
void row_pass_composed(const at::Tensor& logits_CV, const RowPass& pass);

// By the kernels of libkeel_cuda.so where it lies beside the program (the cuda preset builds it), the logits
// are on a GPU and the weighting asks for no more than they give; else composed. The kernels compute a small
// example first; if that is not what ATen's operators give, the log says so and they are not used.
void row_pass_on_device(const at::Tensor& logits_CV, const RowPass& pass);

}  // namespace keel
