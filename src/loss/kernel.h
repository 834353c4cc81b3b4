// The row pass: from one chunk of logits, every signal of its rows and the gradient, written in place of the
// logits. Rows are shared out over the threads; the result does not depend on their number.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "loss/registry.h"

namespace keel {

// C rows. The pointers are of C values each.
struct RowPass {
  const int64_t* labels = nullptr;
  const float* coefficient = nullptr;
  const bool* end_of_turn = nullptr;
  const float* reference_nll = nullptr;  // nullptr: the weighting asks for none
  float* nll = nullptr;
  float* entropy = nullptr;
  float* weight = nullptr;
  double* loss = nullptr;  // coefficient · weight · nll
  const Weighting* weighting = nullptr;
  const LossOptions* options = nullptr;
  bool gradient = false;  // false: the logits are left spoilt
};

// logits_CV: contiguous, float32 or bfloat16. With `gradient` it becomes
// d loss / d logits = coefficient · weight · (p − onehot(label)).
void row_pass(const at::Tensor& logits_CV, const RowPass& pass);

}  // namespace keel
