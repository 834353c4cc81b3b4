// token_batch_prefix: cached. A window trains behind the keys and values of the tokens in front of it as they
// were computed once, before the steps that have changed the weights since (docs/numerics.md).
//
// Shapes: N supervised rows, D hidden size.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "model/model.h"
#include "train/run_memory.h"

namespace keel {

// The windows of one sample, in order (split_windows), from now on: each goes on behind the one before.
void use_cached_prefix(std::vector<Batch>& windows);

// Of one sample at a time.
class PrefixCache {
 public:
  explicit PrefixCache(CausalLM& model) : model_(model), cache_(model.make_cache(1)) {}

  // hidden_ND of a window's supervised rows, with gradient through the tokens that no window before it had.
  // The first one of a sample takes the place of the sample before; what lies in front of its first
  // supervised row goes forward once, without gradient. Keys and values are those of `mode` (LoRA dropout).
  at::Tensor hidden_ND(const Batch& window, ForwardMode mode);

  // Behind the window's backward pass: its tokens are there for the next one.
  void keep(const Batch& window);

 private:
  at::Tensor forward(const Batch& window, int64_t tokens, const ForwardMode& mode);
  void hold(int64_t tokens);

  CausalLM& model_;
  std::unique_ptr<KvCache> cache_;
  int64_t held_ = 0;  // tokens
};

// One pass over a window: its loss, and fp32 gradients of the trained tensors (undefined: none).
struct WindowPass {
  double loss = 0;
  std::vector<at::Tensor> gradients;
};

struct PrefixDistance {
  double loss = 0;      // |cached − exact| / |exact|
  double gradient = 0;  // ‖cached − exact‖ / ‖exact‖, over all trained tensors as one vector
};

// Nothing where a pass was not finite, or what it would be divided by is 0.
std::optional<PrefixDistance> distance_between(const WindowPass& cached, const WindowPass& exact);

// The last window of every kMeasuredSamples-th sample is measured, the first sample's too. step: from 1 on.
inline constexpr int64_t kMeasuredSamples = 50;
inline bool is_measured(int64_t step) { return (step - 1) % kMeasuredSamples == 0; }

void add(PrefixMemory& memory, const PrefixDistance& distance);
std::string text_of(const PrefixMemory& memory);  // means over what was measured, for the console

}  // namespace keel
