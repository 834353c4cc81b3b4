#include "experiment/contrast.h"

#include <algorithm>

namespace keel {
namespace {

using Results = std::span<const ProbeResult>;

ArmDifference difference_of(const Scale& scale, std::span<const std::pair<Results, Results>> seeds) {
  ArmDifference out{.arms = {}, .scale = &scale, .seeds = seeds.size()};
  std::vector<std::vector<Stratum>> strata;
  for (const auto& [before, after] : seeds) {
    strata.push_back(paired_items(scale, before, after));
    out.against += value_of(scale, before) / static_cast<double>(seeds.size());
  }
  for (const Stratum& s : strata.front()) out.items += s.pairs.size();
  out.change = resample_seeds(strata);
  return out;
}

// Of the seeds that both points were run with.
std::vector<std::pair<Results, Results>> common_seeds(const RatePoint& against, const RatePoint& arm) {
  std::vector<std::pair<Results, Results>> out;
  for (const RunOutcome* run : arm.runs) {
    const auto other = std::ranges::find(against.runs, run->seed, &RunOutcome::seed);
    if (other != against.runs.end()) out.emplace_back((*other)->results, run->results);
  }
  return out;
}

}  // namespace

std::vector<ArmDifference> compare_arms(std::span<const ArmPair> contrasts, const Scales& scales,
                                        std::span<const RatePoint> points, const ArmMatch& match) {
  std::vector<ArmDifference> out;
  for (const ArmPair& pair : contrasts) {
    const auto arm = match.best.find(pair.arm), against = match.best.find(pair.against);
    if (arm == match.best.end() || against == match.best.end()) continue;
    const auto seeds = common_seeds(points[against->second], points[arm->second]);
    for (const Scale& scale : scales.general)
      out.push_back(difference_of(scale, seeds)), out.back().arms = pair;
  }
  std::vector<double> p;
  for (const ArmDifference& d : out) p.push_back(d.change.p);
  const std::vector<double> corrected = holm(p);
  for (size_t i = 0; i < out.size(); ++i) out[i].p_holm = corrected[i];
  return out;
}

ArmDifference against_base(const RatePoint& point, const Scale& scale, Results base) {
  std::vector<std::pair<Results, Results>> seeds;
  for (const RunOutcome* run : point.runs) seeds.emplace_back(base, run->results);
  ArmDifference out = difference_of(scale, seeds);
  out.arms = {point.arm, "base"};
  out.p_holm = out.change.p;
  return out;
}

}  // namespace keel
