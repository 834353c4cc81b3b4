// Text whose next-token probabilities are to stay as they are, with what the model said of it before
// training (methods: kl_replay).
#pragma once

#include <filesystem>
#include <vector>

#include "data/example.h"
#include "eval/chat_model.h"
#include "loss/divergence.h"
#include "train/protection_options.h"

namespace keel {

inline constexpr int64_t kReplayChunk = 256;  // rows of logits at a time

struct ReplaySet {
  std::vector<Example> examples;     // tokens of weight above 0 are replayed
  std::vector<TopLogProbs> targets;  // of each example, a row for each of them
  bool empty() const { return examples.empty(); }
  int64_t replayed() const;  // tokens, of all examples
};

// Text sampled from the model at temperature 1: half of the tokens behind the token that begins a text, the
// other half as chats, of which the model writes the question too (its template's beginning of a user
// message, gone on with); a model without a template writes texts only. A function of model and seed.
// UserError when the model ends everything at once.
std::vector<Example> write_replay_texts(ChatModel& model, int64_t tokens, uint64_t seed);

// The first examples, in an order drawn by the seed, that hold so many trained tokens (all, if there are
// fewer).
std::vector<Example> pick_replay_texts(std::vector<Example> examples, int64_t tokens, uint64_t seed);

// What the model says of them now. Examples are cut to `most_tokens`; those without a replayed token go.
ReplaySet make_replay_set(CausalLM& model, std::vector<Example> texts, int64_t top_k, int64_t most_tokens);

// One safetensors file. Reading: UserError where it is damaged, or is not what this model says.
void save_replay_set(const std::filesystem::path& file, const ReplaySet& set);
ReplaySet load_replay_set(const std::filesystem::path& file, CausalLM& model);

struct ReplayHalves {
  ReplaySet trained, held_out;
};
// Every eighth example is held out, of fewer the last one, to measure how far the model has moved.
ReplayHalves split_replay_set(ReplaySet set);

}  // namespace keel
