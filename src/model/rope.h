// Rotary positions: tables of cosines and sines, and the turn of queries and keys, which also brings them
// from token-major to head-major order (the attention's GEMMs want a head's rows together).
//
// Shapes: T tokens, K key heads, G query heads per key head, d head size.
#pragma once

#include <ATen/ATen.h>

#include "model/config.h"
#include "model/segments.h"

namespace keel {

struct RopeAngles {
  at::Tensor cos_Ph, sin_Ph;  // fp32 [positions, d / 2]
};

// Grows when a longer sequence comes.
class RopeTable {
 public:
  RopeTable(RopeConfig config, int64_t head_dim, at::Device device);
  const RopeAngles& for_positions(int64_t count);

 private:
  at::Tensor inverse_frequency_;  // fp32 [d / 2], scaled
  RopeAngles angles_;
};

// x [T, K·G·d] to [K, T·G, d], each head turned by its token's position. Differentiable in x.
at::Tensor rope_to_heads(const at::Tensor& x, const RopeAngles& angles, const Segments& segments,
                         int64_t kv_heads, int64_t head_dim);
at::Tensor rope_to_heads_composed(const at::Tensor& x, const RopeAngles& angles, const Segments& segments,
                                  int64_t kv_heads, int64_t head_dim);

}  // namespace keel
