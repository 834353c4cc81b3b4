// How the samples of a step are cut. token_batch: one optimiser step per k consecutive supervised tokens of
// one sample (docs/numerics.md).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "data/batch.h"
#include "model/model.h"
#include "train/run_memory.h"

namespace keel {

// A micro-batch in parts of at most so many tokens (a longer sample is one by itself): the step's denominator
// makes the parts equal to the whole. length: of a member, in tokens.
std::vector<std::vector<uint32_t>> within_tokens(std::span<const uint32_t> members,
                                                 const std::function<int64_t(uint32_t)>& length,
                                                 int64_t most_tokens);

// The windows of one packed sample (made with reduction `token`), in order. Each batch holds the tokens up to
// the window's last row (causality makes the rest of the sample irrelevant to it) and counts its own tokens
// (user weights) as the denominator, also in the tail.
std::vector<Batch> split_windows(const Batch& sample, int64_t k);

// The same as the reference trainer cuts them: only the last turn, the tail of n mod k tokens and the last
// token of each window dropped. An experimental arm.
std::vector<Batch> split_windows_ytrainer(const Batch& sample, int64_t k);

// Gives the windows of one sample, in order, what the model's frozen lower layers make of their tokens,
// computed once for all of them; nothing where there are none.
void share_frozen_layers(CausalLM& model, std::vector<Batch>& windows);

// dynamic_token_batch: every kRuleWindow windows, k = token_batch · min(4, first / recent), where `first` is
// the mean loss of the first kRuleWindow windows and `recent` that of the last ones; never below token_batch.
// Depends on counts and losses alone.
class TokenBatchRule {
 public:
  static constexpr int64_t kRuleWindow = 100;
  TokenBatchRule(int64_t token_batch, bool dynamic)
      : TokenBatchRule(token_batch, dynamic, {.k = token_batch}) {}
  TokenBatchRule(int64_t token_batch, bool dynamic, const TokenBatchMemory& memory)
      : base_(token_batch), dynamic_(dynamic), memory_(memory) {}
  int64_t k() const { return memory_.k; }
  void add(double window_loss);

  const TokenBatchMemory& memory() const { return memory_; }

 private:
  int64_t base_;
  bool dynamic_;
  TokenBatchMemory memory_;
};

}  // namespace keel
