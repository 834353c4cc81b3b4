// y = x · Wᵀ for a few rows x, as in answering: a weight is read from memory once for all rows, and the next
// ones are on their way meanwhile. No torch, no threads: callers split the outputs.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace keel {

// Beyond these a library's product is about as fast.
inline constexpr int64_t kFewRows = 32;

// Numbers that are added up side by side: what this machine's registers hold.
int64_t few_rows_lanes();

// Shapes: x [rows, inputs], w [outputs, inputs], y [rows, outputs], without gaps. Arithmetic in fp32.
// A multiple of few_rows_lanes() inputs; of twice as many for Bf16 weights, whose x has, in each of these
// stretches, the inputs of even place in front of the odd ones.
template <class Weight>
struct FewRows {
  const float* x;
  const Weight* w;
  float* y;
  int64_t rows, inputs, outputs;
};
// Outputs [begin, end) of all rows. A row's numbers are the same however the rest is split.
void few_rows(const FewRows<float>& a, int64_t begin, int64_t end);
void few_rows(const FewRows<Bf16>& a, int64_t begin, int64_t end);

}  // namespace keel
