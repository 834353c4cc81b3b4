#include "eval/paired.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace keel {
namespace {

constexpr double kQuantile = 1.959963984540054;  // normal quantile of 0.975
constexpr double kPower = 0.841621233572914;     // of 0.8

// Weighted mean of the strata's differences; pick(s, i) is the i-th drawn pair of stratum s.
template <class Pick>
double weighted_difference(std::span<const Stratum> strata, Pick&& pick) {
  double sum = 0, weights = 0;
  for (const Stratum& s : strata) {
    double change = 0, size = 0;
    for (size_t i = 0; i < s.pairs.size(); ++i) {
      const Pair& pair = pick(s, i);
      change += pair.after - pair.before;
      size += pair.size;
    }
    sum += s.weight * change / size;
    weights += s.weight;
  }
  return sum / weights;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double mean_difference(std::span<const Stratum> strata) {
  return weighted_difference(strata, [](const Stratum& s, size_t i) -> const Pair& { return s.pairs[i]; });
}

Interval bootstrap_interval(std::span<const Stratum> strata, const BootstrapOptions& options) {
  KEEL_CHECK(!strata.empty() && options.resamples > 0, "a bootstrap needs items and resamples");
  for (const Stratum& s : strata) KEEL_CHECK(!s.pairs.empty(), "a bootstrap of a stratum without items");
  std::vector<double> differences;
  for (int64_t r = 0; r < options.resamples; ++r) {
    Rng rng(options.seed, "bootstrap", 0, static_cast<uint64_t>(r));
    differences.push_back(weighted_difference(
        strata, [&](const Stratum& s, size_t) -> const Pair& { return s.pairs[rng.below(s.pairs.size())]; }));
  }
  std::ranges::sort(differences);
  const double tail = (1 - options.coverage) / 2;
  return {.low = quantile(differences, tail), .high = quantile(differences, 1 - tail)};
}

double mcnemar_exact(int64_t lost, int64_t won) {
  const int64_t n = lost + won, few = std::min(lost, won);
  const double log_all = static_cast<double>(n) * std::log(2.0), log_n = std::lgamma(n + 1.0);
  double tail = 0;
  for (int64_t k = 0; k <= few; ++k)
    tail += std::exp(log_n - std::lgamma(k + 1.0) - std::lgamma(static_cast<double>(n - k) + 1.0) - log_all);
  return std::min(1.0, 2 * tail);
}

int64_t items_for_rate(double changed, double difference) {
  const double d = std::abs(difference), share = std::clamp(changed, d, 1.0);
  const double root = kQuantile * std::sqrt(share) + kPower * std::sqrt(share - d * d);
  return static_cast<int64_t>(std::ceil(root * root / (d * d)));
}

int64_t items_for_mean(int64_t items, double half_width, double difference) {
  const double error = half_width / kQuantile;  // of the mean of `items` items
  const double ratio = (kQuantile + kPower) * error / std::abs(difference);
  return static_cast<int64_t>(std::ceil(static_cast<double>(items) * ratio * ratio));
}

}  // namespace keel
