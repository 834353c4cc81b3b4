// One decoder layer: x += attention(norm(x)); x += mlp(norm(x)).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/config.h"
#include "model/kv_cache.h"
#include "model/linear.h"
#include "model/rope.h"
#include "model/segments.h"

namespace keel {

// What a forward pass hands to every block. Its tensors are shared, so a copy is cheap and a recomputation
// may keep one.
struct Pass {
  Segments segments;
  RopeAngles angles;
  ForwardMode mode;
};

struct Block {
  int64_t kv_heads = 0, head_dim = 0, group = 0, window = 0;
  double eps = 0;
  at::Tensor input_norm_D, post_norm_D;
  at::Tensor q_norm_d, k_norm_d;  // undefined where the family has none
  Linear q, k, v, o;
  Linear gate, up, down;

  // cache: what the tokens go on behind (ForwardMode), of this layer; null: nothing.
  at::Tensor forward(const at::Tensor& x_TD, const Pass& pass, SequenceCache* cache, int64_t layer) const;

  // The same for tokens that follow those in the cache, whose keys and values it appends.
  at::Tensor decode(const at::Tensor& x_TD, const Pass& pass, SequenceCache& cache, int64_t layer) const;

  std::vector<Linear*> linears() { return {&q, &k, &v, &o, &gate, &up, &down}; }

 private:
  struct Heads {
    at::Tensor q_KRd, k_KTd, v_TE;
    KeysValues constant() const;  // for a cache
  };
  Heads project(const at::Tensor& x_TD, const Pass& pass) const;
  // What follows attention's result.
  at::Tensor finish(const at::Tensor& x_TD, const at::Tensor& seen_TE, const ForwardMode& mode) const;
};

}  // namespace keel
