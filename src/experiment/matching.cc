#include "experiment/matching.h"

#include <algorithm>
#include <cmath>

namespace keel {
namespace {

// Best gain of each arm that has a finite one.
std::map<std::string, double> best_gains(std::span<const RatePoint> points) {
  std::map<std::string, double> out;
  for (const RatePoint& p : points) {
    if (!std::isfinite(p.learned)) continue;
    const auto [known, first] = out.emplace(p.arm, p.learned);
    if (!first) known->second = std::max(known->second, p.learned);
  }
  return out;
}

std::optional<double> shared_gain(std::span<const RatePoint> points) {
  const auto gains = best_gains(points);
  double best = 0;
  for (const auto& [arm, gain] : gains) best = std::max(best, gain);
  if (best == 0) return std::nullopt;
  double least = best;
  for (const auto& [arm, gain] : gains)
    if (gain >= kLearns * best) least = std::min(least, gain);
  return least;
}

}  // namespace

std::optional<ArmMatch> match_arms(std::span<const RatePoint> points, std::optional<double> wanted) {
  const std::optional<double> gain = wanted ? wanted : shared_gain(points);
  if (!gain) return std::nullopt;
  ArmMatch out{.gain = *gain, .best = {}};
  const double least = *gain - kSameScore * std::abs(*gain);
  for (size_t i = 0; i < points.size(); ++i) {
    const RatePoint& p = points[i];
    if (!(p.learned >= least) || !std::isfinite(p.forgot)) continue;  // NaN reaches nothing
    const auto [known, first] = out.best.emplace(p.arm, i);
    if (!first && p.forgot < points[known->second].forgot) known->second = i;
  }
  return out;
}

int edge_of(std::span<const RatePoint> points, size_t best) {
  bool lower = false, higher = false;
  for (const RatePoint& p : points) {
    if (p.arm != points[best].arm) continue;
    lower |= p.rate < points[best].rate;
    higher |= p.rate > points[best].rate;
  }
  return lower == higher ? 0 : lower ? 1 : -1;
}

}  // namespace keel
