// The replay text of each optimiser step, and how far a model has moved on such text.
#pragma once

#include <cstdint>
#include <vector>

#include "data/batch.h"
#include "train/replay_set.h"

namespace keel {

struct ReplayBatch {
  Batch batch;
  TopLogProbs target;  // of the batch's rows
};

// Chosen anew for every update, as a function of seed and number of the update: at least one example and so
// many that they hold `tokens`, each once, packed into batches of at most `pack_tokens`.
class Replay {
 public:
  Replay(const ReplaySet& set, uint64_t seed) : set_(set), seed_(seed) {}

  std::vector<ReplayBatch> batches(uint64_t update, int64_t tokens, int64_t pack_tokens) const;

 private:
  const ReplaySet& set_;
  uint64_t seed_;
};

// Mean KL divergence per replayed token from what the set remembers to what the model says, nats.
double divergence_over(CausalLM& model, const ReplaySet& set);

}  // namespace keel
