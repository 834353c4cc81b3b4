// A micro-batch: whole samples packed into one row of tokens. Supervised positions are listed, shifted: the
// row at position t predicts the token at t+1 of the same segment.
//
// Shapes: T tokens, N supervised rows.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <string>
#include <vector>

#include "data/example.h"

namespace keel {

struct Batch {
  at::Tensor ids_T;              // int64
  std::vector<int64_t> offsets;  // segments
  at::Tensor rows_N;             // int64: positions in T whose hidden state predicts a label
  at::Tensor labels_N;           // int64
  at::Tensor
      coefficient_N;  // float32: the token's share of the numerator under the reduction, with user weights
  at::Tensor end_of_turn_N;  // bool
  double denominator =
      0;  // this batch's part of the step's denominator (sum over micro-batches, then divide once)
  std::vector<const Example*> examples;  // for messages and per-source metrics
  int64_t tokens() const { return ids_T.numel(); }
  int64_t supervised() const { return labels_N.numel(); }
};

// reduction: token | turn | sample | sqrt (docs/numerics.md).
Batch make_batch(std::span<const Example* const> examples, const std::string& reduction);

}  // namespace keel
