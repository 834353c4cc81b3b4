// A micro-batch: whole samples packed into one row of tokens. Supervised positions are listed, shifted: the
// row at position t predicts the token at t+1 of the same segment.
//
// Shapes: T tokens, N supervised rows.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/example.h"
#include "data/example_set.h"

namespace keel {

struct Batch {
  at::Tensor ids_T;               // int64
  std::vector<int64_t> offsets;   // where segments begin, then T: model's cu_seqlens
  at::Tensor rows_N;              // int64, ascending: positions in T whose hidden state predicts a label
  at::Tensor labels_N;            // int64
  at::Tensor coefficient_N;       // float32: user weight times the reduction's share (docs/numerics.md)
  at::Tensor end_of_turn_N;       // bool
  at::Tensor turn_N;              // int64: the turn that each label belongs to; the batch's turns from 0 on
  std::vector<int32_t> source_N;  // index of the dataset that each label came from
  double denominator = 0;         // Σ coefficient_N: this batch's part of the step's denominator (sum over
                                  // micro-batches, then divide once)
  std::optional<int64_t> cached;  // its first tokens, which an earlier window of the sample has left in a
                                  // cache (train/prefix.h); nothing: no cache is used
  at::Tensor below_TD;            // what the model's layers that nothing trains make of ids_T, where that was
                                  // computed for the whole sample (train/window.h); undefined: it was not
  std::vector<const Example*> examples;  // for messages and per-source metrics
  int64_t tokens() const { return ids_T.numel(); }
  int64_t supervised() const { return labels_N.numel(); }
};

// reduction: token | turn | sample | sqrt. A label's coefficient is its user weight times 1 (token), 1/n of
// its turn (turn), 1/n of its conversation (sample) or 1/√n of its conversation (sqrt), n counting supervised
// tokens. So user weights stand in numerator and denominator, and no split into micro-batches changes the
// loss. No example may be empty; a batch without labels is allowed (denominator 0).
// reduction is settled: no auto.
Batch make_batch(std::span<const Example* const> examples, const std::string& reduction);

// What loss_reduction: auto means for these examples: turn when a conversation has more than one trained
// turn, else token (plain text always). Any other name is returned as it is.
std::string settle_reduction(const std::string& name, const ExampleSet& examples);

}  // namespace keel
