// Text generation with a KV cache: greedy, temperature, top-k, top-p; stops at end of turn.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/chat_model.h"
#include "eval/options.h"

namespace keel {

struct Answer {
  std::string text;          // without special tokens
  std::vector<int32_t> ids;  // generated tokens, without the stop token
  bool stopped = false;      // ended by itself, not by the length cap
};

struct GenerateEvents {
  std::function<void(size_t prompt, int32_t token)> on_token = {};
  std::function<void(size_t answers_done)> on_answer = {};
};

// Answers in the order of the prompts; generate_batch of them are being answered at any time. Sampling draws
// from the stream (seed, "sample", prompt, position): an answer does not depend on what it was batched with.
std::vector<Answer> generate(ChatModel& model, std::span<const std::vector<int32_t>> prompts,
                             const GenerateOptions& options, const GenerateEvents& events = {});

// One token from a row of logits [V] (float32).
int32_t choose_token(std::span<const float> logits, const GenerateOptions& options, double uniform);

}  // namespace keel
