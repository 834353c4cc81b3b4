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

// Answers prompts, generate_batch of them at any time: when one is answered the next takes its place, and no
// step computes a token that nobody reads. A prompt is read from where it differs from all that the places
// hold, be it being answered or of the call before: a system message is read once, a talk goes on.
class Generator {
 public:
  Generator(ChatModel& model, const GenerateOptions& options);

  // In the order of the prompts, each at most so long (none given: max_new_tokens for all). Sampling draws
  // from the stream (seed, "sample", prompt, position): an answer does not depend on what it was batched
  // with.
  std::vector<Answer> answer(std::span<const std::vector<int32_t>> prompts, const GenerateEvents& events = {},
                             std::span<const int64_t> longest = {});

 private:
  struct Place {
    size_t prompt = 0;         // its number
    std::vector<int32_t> ids;  // the prompt and its answer so far
    size_t read = 0;           // of these
    Beginning beginning = {};  // of the next pass
    std::span<const int32_t> unread() const { return std::span(ids).subspan(read); }
  };

  void open_places();
  void open(const std::vector<int32_t>& prompt);
  PackedTokens unread() const;
  void step(const GenerateEvents& events);
  bool extend(Place& place, std::span<const float> logits, const GenerateEvents& events);
  void swap(size_t a, size_t b);

  ChatModel& model_;
  GenerateOptions options_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Place> places_;  // place b is sequence b of the cache; the first busy_ are being answered
  std::span<const std::vector<int32_t>> prompts_;
  std::span<const int64_t> longest_;
  std::vector<Answer> answers_;
  size_t busy_ = 0, next_ = 0, done_ = 0;  // next_: the first prompt that has had no place yet
};

// One call of a Generator.
std::vector<Answer> generate(ChatModel& model, std::span<const std::vector<int32_t>> prompts,
                             const GenerateOptions& options, const GenerateEvents& events = {});

// One token from a row of logits [V] (float32).
int32_t choose_token(std::span<const float> logits, const GenerateOptions& options, double uniform);

}  // namespace keel
