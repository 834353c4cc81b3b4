// What a run measures of itself at each evaluation beside its losses: how far it has moved from the model as
// it was, on the domain and elsewhere, whether it has begun to repeat itself, to go on without an end, to
// recite its training rows (docs/numerics.md, "Measures").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/example_set.h"
#include "eval/chat_model.h"
#include "eval/probes.h"
#include "train/replay_set.h"

namespace keel {

// How much is measured each time; a function of the plan, never of the clock.
struct MonitorPlan {
  int64_t prompts = 0;        // answered greedily; half of them of the domain; 0: nothing is measured at all
  int64_t answer_tokens = 0;  // most of one answer
  int64_t row_tokens = 0;     // read of the domain's rows, of general text, training rows and probes, each

  bool any() const { return prompts > 0; }
};

// So that measuring once takes about `share` of the time of training so many tokens. A step
// of writing is reckoned as training kStepCost tokens and one more for each answer that it lengthens, a token
// that is read as a third of a trained one. Nothing where not even two short answers are to be had for it.
inline constexpr int64_t kStepCost = 8;
MonitorPlan monitor_plan(double share, double tokens);

struct MonitorSets {
  MonitorPlan plan;
  ReplaySet domain, general;     // what the model said of rows before training
  std::vector<Example> trained;  // rows of the training set
  std::vector<std::vector<int32_t>> domain_prompts, general_prompts;
  std::vector<std::vector<int32_t>> training_replies;  // that may be recited: up to kRecited tokens
  std::vector<Probe> probes;                           // questions with choices
};

struct MonitorMaterial {
  const ExampleSet& trained;
  const std::vector<Example>& validation;  // may be empty: training rows stand for the domain
  std::vector<Example> general;            // may be empty
  std::vector<std::vector<int32_t>> general_prompts;
  std::vector<Probe> probes;  // questions with choices
};

inline constexpr int64_t kRecited = 1'000'000;

// The model as it was says of the rows what it is compared with later.
MonitorSets make_monitor_sets(ChatModel& model, const MonitorPlan& plan, MonitorMaterial material);

// By the names of metrics.jsonl; what there is no material for is left out.
//   kl_domain, kl_general  nats a token of replies (of text), from the model as it was
//   train_rows_loss        plain loss of rows that are trained; train_gap: how far it lies below eval_loss
//   rep4, end_of_turn      of the answers: mean repetition, share that ended by itself
//   copied                 of the answers to domain prompts: longest run of tokens out of one training
//                          reply, as a share of the answer; mean
//   probe_accuracy         share of general questions whose right choice is the likeliest
std::map<std::string, double> measure_monitors(ChatModel& model, const MonitorSets& sets,
                                               std::optional<double> eval_loss);

// Tokens of the longest run that both hold.
int64_t longest_common_run(std::span<const int32_t> a, std::span<const int32_t> b);

}  // namespace keel
