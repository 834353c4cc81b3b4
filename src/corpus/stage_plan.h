// Which sources a run trains when: what mix_strategy makes of the datasets list, before a row is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "corpus/dataset_spec.h"

namespace keel {

struct MixingOptions {
  std::string strategy = "concat";
  double alpha = 1.0;
  std::string by = "tokens";
  double replay_ratio = 0.1;
  double dmt_k = 0.25;
  Json stages;

  template <class V>
  void fields(V& v) {
    v("mix_strategy", strategy,
      "concat: every sample once an epoch; multi_task: sources by share, weight · size^mix_alpha; "
      "sequential: "
      "one stage after another, with replay; mixed_sequential: specialists, then general data with replay; "
      "dmt: the same with dmt_k of the specialists",
      {.choices = {"concat", "multi_task", "sequential", "mixed_sequential", "dmt"}});
    v("mix_alpha", alpha, "sources of a stage: 1: as much of one as there is; 0: as much of each",
      {.min = 0, .max = 1});
    v("mix_by", by, "what the shares are shares of", {.choices = {"tokens", "samples"}});
    v("replay_ratio", replay_ratio,
      "sequential, mixed_sequential: share of earlier stages' data in a later stage", {.min = 0, .max = 0.9});
    v("dmt_k", dmt_k, "dmt: how much of the specialist data its second stage takes", {.min = 0, .max = 1});
    v("stages", stages,
      "of a strategy with stages, one entry a stage: {epochs, max_steps, learning_rate, replay_ratio}");
  }
};

// Sources are meant by their places in the datasets list.
struct StagePlan {
  std::vector<size_t> fresh;      // an epoch passes over their units
  std::vector<size_t> replayed;   // of earlier stages: mixed in
  double replay_ratio = 0;        // share of the units that are replayed ones
  std::optional<double> dmt_k{};  // instead: this part of the replayed sources' units
  // What the stage has for itself; absent: as the run.
  std::optional<double> epochs{};
  std::optional<int64_t> max_steps{};
  std::optional<double> learning_rate{};
};

// One stage or more. With problems (all of them are added) the plan is of no use. Only concat's stage has no
// shares: every sample once an epoch.
//
// sequential: stage t has the sources that say so and, of all earlier ones, a share of replay_ratio.
// mixed_sequential: the specialists, then the general sources, as two such stages. dmt (Dong et al., 2023):
// the same, replaying dmt_k times the units of the specialists.
std::vector<StagePlan> plan_stages(const std::vector<DatasetSpec>& specs, const MixingOptions& options,
                                   std::vector<ErrorText>& problems);

}  // namespace keel
