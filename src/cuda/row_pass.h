// The C border of libkeel_cuda.so: the two sweeps of the row pass over logits on a GPU. The functions put
// their work on the stream and return CUDA's error code, 0 when it was taken. Pointers are device memory.
#pragma once

#include <cstdint>

#include "cuda/row.h"

namespace keel::cuda {
extern "C" {

// logits: [rows, V], float32 or (bf16) bfloat16. statistics: one a row.
int keel_row_statistics(const void* logits, bool bf16, int64_t rows, int64_t V, const int64_t* labels,
                        RowStatistics* statistics, void* stream);

// share, at_label: of each row. The logits become the gradient.
int keel_row_gradient(void* logits, bool bf16, int64_t rows, int64_t V, const int64_t* labels,
                      const RowStatistics* statistics, const float* share, const float* at_label,
                      void* stream);

}  // extern "C"
}  // namespace keel::cuda
