// Arms at one domain score: of each arm the learning rate that reaches it and forgets least.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiment/outcome.h"

namespace keel {

// A point whose gain is lower by at most this share has the same score.
constexpr double kSameScore = 0.02;
// An arm whose best gain is below this share of the best arm's does not lower the score for the others.
constexpr double kLearns = 0.5;

struct ArmMatch {
  double gain = 0;                     // that a point must have, but for kSameScore of it
  std::map<std::string, size_t> best;  // arm → place of its point; an arm that does not reach it is missing
};

// wanted: the gain to match at; nothing: the least of the arms' best gains, over the arms that learn
// (kLearns). Nothing when no arm is better than the base.
std::optional<ArmMatch> match_arms(std::span<const RatePoint> points, std::optional<double> wanted = {});

// Whether an arm's best rate is the least (-1) or the largest (+1) of several that it was run with; else 0.
int edge_of(std::span<const RatePoint> points, size_t best);

}  // namespace keel
