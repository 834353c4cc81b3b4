// Causal attention within the segments of a packed row, with grouped query heads and, where the model has
// one, a window of keys. Full score matrices exist for one block of queries at a time.
//
// Shapes: T tokens, K key heads, G query heads per key head, d head size.
#pragma once

#include <ATen/ATen.h>

#include <span>

#include "model/segments.h"

namespace keel {

// All keys and values of one sequence, [K, m, d].
struct KeysValues {
  at::Tensor k, v;
};

struct AttentionInput {
  at::Tensor q_KRd;  // [K, T·G, d], row t·G + g
  at::Tensor k_KTd;  // [K, T, d]
  at::Tensor v_TE;   // [T, K·d]
  int64_t window = 0;
  KeysValues all = {};  // of one segment that goes on behind others: theirs, then the numbers of its own;
                        // undefined: the segments' own are all
};

// softmax(q·kᵀ / sqrt(d)) · v as [T, K·G·d] (token-major: the o projection's input). Differentiable in q, k
// and v; what `all` holds in front of them is constant.
at::Tensor attention(const AttentionInput& input, const Segments& segments);
at::Tensor attention_composed(const AttentionInput& input, const Segments& segments);

// Without gradient, for segments that begin as earlier ones: their keys and values are copied together.
at::Tensor attention_shared(const AttentionInput& input, const Segments& segments);

// Without gradient, for decoding: the queries of each segment are the last of its sequence.
at::Tensor attention_cached(const at::Tensor& q_KRd, const Segments& segments,
                            std::span<const KeysValues> sequences, int64_t window);

// The same for one sequence: the last query of q [K, n·G, d] sees all keys of k, v [K, m, d], m >= n.
// Returns [n, K·G·d].
at::Tensor attend_cached(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t group,
                         int64_t window);

}  // namespace keel
