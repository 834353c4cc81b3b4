// What a run of a comparison came to.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiment/scale.h"

namespace keel {

struct RunOutcome {
  std::string arm;
  double rate = 0;
  int64_t seed = 0;
  std::string ended;  // as TrainSummary's
  int64_t steps = 0, tokens = 0;
  double tokens_per_s = 0, seconds = 0;
  std::vector<ProbeResult> results;  // empty: the run ended sick and left no model

  bool sick() const { return results.empty(); }
};

// One line a run: what it learned and forgot (before: the base model), accuracy by dimension, rep-4 and share
// of ended answers, tokens, speed and time. Numbers that do not exist are empty.
std::string results_csv(const Scales& scales, std::span<const ProbeResult> base,
                        std::span<const RunOutcome> runs);

// All seeds of one arm at one learning rate.
struct RatePoint {
  std::string arm;
  double rate = 0;
  std::vector<const RunOutcome*> runs;
  double learned = 0;  // better than the base by so much on the domain's scale, mean over the seeds
  double forgot = 0;   // worse on the first general scale; both NaN when a run is sick
};

// In the order of the runs' arms, rates rising. The runs have to outlive them.
std::vector<RatePoint> rate_points(const Scales& scales, std::span<const ProbeResult> base,
                                   std::span<const RunOutcome> runs);

}  // namespace keel
