// What a run remembers beside its weights and its optimiser: the trainer_state.json of a checkpoint. With it,
// a run that was killed goes on as if nothing had happened.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace keel {

struct RowLoss {
  double nll = 0;  // sum over its tokens
  int64_t tokens = 0;
};

// Of the rows of a set, in their order, for intervals; of a large set every kMostRowLosses-th row counts as
// one.
inline constexpr size_t kMostRowLosses = 1000;
using RowLosses = std::vector<RowLoss>;

struct EvalOutcome {
  std::optional<double> domain, general;      // mean NLL; absent where there is no set
  std::optional<double> kl;                   // from the model as it was, per token of held-out replay text
  std::map<std::string, double> by_source{};  // of the domain set, where it has more than one source
  std::map<std::string, double> monitors{};   // train/monitors.h
  RowLosses domain_rows{}, general_rows{};
  bool best = false;    // better domain NLL than ever before (the first counts)
  bool stop = false;    // patience is used up
  bool forgot = false;  // the general loss is above what stop_on_forgetting allows
  Json row() const;
};

struct EvaluatorMemory {
  std::optional<EvalOutcome> best;                 // of the least domain NLL so far
  int64_t best_step = 0;                           // when that was
  std::map<std::string, double> best_by_source{};  // of each source for itself
  int64_t since_better = 0;  // evaluations since the total or a source was better than ever before
};

struct TokenBatchMemory {
  int64_t k = 0;  // supervised tokens of a window now
  double first = 0, sum = 0;
  int64_t count = 0;
};

struct PrefixMemory {  // of a cached prefix (train/prefix.h), measured against exact: sums
  double loss = 0, gradient = 0;
  int64_t count = 0;
};

struct ProgressMemory {
  int64_t tokens = 0, supervised = 0;
  double seconds = 0;                  // of training
  std::optional<double> eval_loss;     // the last one
  int64_t kept_percent = -1;           // of the last console line that stays
  std::vector<int64_t> source_tokens;  // trained so far, of each dataset
  int64_t metrics_bytes = 0;           // length of metrics.jsonl
  double monitor_seconds = 0;          // spent on monitors; no part of `seconds`
};

struct SickRow {
  int64_t step = 0;      // that brought it to light
  uint32_t example = 0;  // its place in the training set
  std::string found;     // "loss NaN", "gradient norm infinite"
};

// Of numbers seen one after another (train/moments.h).
struct Moments {
  double mean = 0, variance = 0;
  int64_t count = 0;
};

struct HealthMemory {
  int64_t finite_step = 0;  // of the last finite update; 0: there was none
  Moments loss, log_norm;   // what is usual in this stage
  int64_t spikes = 0;
  int64_t hopeless_steps = 0, weightless_steps = 0;       // in a row, up to now
  Moments early, late;                                    // losses of this stage, the first and the others
  bool moves = false;                                     // these differ
  std::vector<std::pair<std::string, std::string>> said;  // kind and text of each warning
};

struct RunMemory {
  int64_t step = 0;      // of the sampler: done
  uint64_t updates = 0;  // optimiser steps tried, under token_batch several a step; key of the dropout stream
  int64_t skipped = 0;   // of these, left out: loss or gradient was not finite, or a spike
  bool open_step = false;  // the evaluation and saving that belong to `step` are still to do
  std::string ended;       // why the plan was cut short; empty: it was not
  double first_loss = 0, last_loss = 0;
  EvalOutcome before, after;
  EvaluatorMemory evaluator;
  TokenBatchMemory token_batch;
  PrefixMemory prefix;
  ProgressMemory progress;
  HealthMemory health;
  std::vector<SickRow> quarantine;   // left out from then on
  std::string data_hash, precision;  // of the training set; compute type and device
  int64_t threads = 0;
};

// Every number comes back bit by bit, NaN and infinities too. UserError (where) when something is missing.
Json to_json(const RunMemory& memory);
RunMemory run_memory_from(const Json& json, const std::string& where);

}  // namespace keel
