// Two arms at the matched domain score, item by item and seed by seed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "experiment/matching.h"

namespace keel {

struct ArmDifference {
  ArmPair arms;
  const Scale* scale = nullptr;
  size_t seeds = 0, items = 0;
  double against = 0;  // value of the second arm, mean over its seeds
  Resampled change{};  // the first arm minus the second
  double p_holm = 1;   // over all contrasts and general scales of the plan

  double value() const { return against + change.difference; }
  bool is_shown() const { return p_holm < 0.05 && !change.interval.holds(0); }
};

// Every contrast whose two arms reach the score, on every general scale. The scales have to outlive them.
std::vector<ArmDifference> compare_arms(std::span<const ArmPair> contrasts, const Scales& scales,
                                        std::span<const RatePoint> points, const ArmMatch& match);

// An arm's point against the base model, on one scale.
ArmDifference against_base(const RatePoint& point, const Scale& scale, std::span<const ProbeResult> base);

}  // namespace keel
