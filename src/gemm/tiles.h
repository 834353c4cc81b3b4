// Products of bfloat16 matrices in a processor's matrix unit (AMX): sums in fp32 from the first term to the
// last, operands in either layout. No torch, no threads: callers split the result into blocks.
//
// Beside libtorch's they are 1.15 times as fast on average over the products of a training step
// (docs/results/amx-2-cores.md), and do not round what is added up over micro-batches.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace keel {

// Whether this machine has the unit; asks the system once to let the program use it.
bool tiles_available();

// a(row, column) is at data[row · stride + column].
struct TileMatrix {
  const Bf16* data;
  int64_t stride;
};

// C [m, n] = A · B. A is [m, k] and B is [k, n]; where transposed they lie as [k, m] and [n, k].
struct TileProduct {
  int64_t m, n, k;
  TileMatrix a, b;
  bool a_transposed = false, b_transposed = false;
};

// Where scale · A · B goes, rounded once: on top of what is there, of `sum`, or of nothing.
template <class T>
struct TileResult {
  T* data;
  int64_t stride;
  bool accumulate = false;
  const T* sum = nullptr;
  int64_t sum_stride = 0;  // 0: one row for all
  float scale = 1.0F;
};

struct TileBlock {
  int64_t m_begin, m_end, n_begin, n_end;
};

// Numbers (Bf16) of scratch memory, aligned to 64 bytes, that one thread needs for a block.
int64_t tile_scratch(const TileProduct& p, const TileBlock& block);

// A block of the result, on this thread. It may begin anywhere; full speed at multiples of 32.
void tile_product(const TileProduct& p, const TileResult<float>& c, const TileBlock& block, Bf16* scratch);
void tile_product(const TileProduct& p, const TileResult<Bf16>& c, const TileBlock& block, Bf16* scratch);

}  // namespace keel
