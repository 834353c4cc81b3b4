#include "eval/paired.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"

namespace keel {
namespace {

constexpr double kQuantile = 1.959963984540054;  // normal quantile of 0.975
constexpr double kPower = 0.841621233572914;     // of 0.8

using SeedStrata = std::span<const std::vector<Stratum>>;

// The strata of the seeds `drawn`, pooled; pick(s, i) is the place of the i-th item of stratum s.
template <class Pick>
double pooled_difference(SeedStrata seeds, std::span<const size_t> drawn, Pick&& pick) {
  double sum = 0, weights = 0;
  for (size_t s = 0; s < seeds[0].size(); ++s) {
    const size_t items = seeds[0][s].pairs.size();
    double change = 0, size = 0;
    for (size_t i = 0; i < items; ++i) {
      const size_t place = pick(s, i);
      for (const size_t seed : drawn) {
        const Pair& pair = seeds[seed][s].pairs[place];
        change += pair.after - pair.before;
        size += pair.size;
      }
    }
    sum += seeds[0][s].weight * change / size;
    weights += seeds[0][s].weight;
  }
  return sum / weights;
}

void check_strata(SeedStrata seeds) {
  KEEL_CHECK(!seeds.empty() && !seeds[0].empty(), "a bootstrap needs items");
  for (const std::vector<Stratum>& strata : seeds) {
    KEEL_CHECK(strata.size() == seeds[0].size(), "every seed has the same strata");
    for (size_t s = 0; s < strata.size(); ++s)
      KEEL_CHECK(!strata[s].pairs.empty() && strata[s].pairs.size() == seeds[0][s].pairs.size(),
                 "every seed has the same items, and a stratum has some");
  }
}

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double mean_difference(std::span<const Stratum> strata) {
  const std::vector<Stratum> one(strata.begin(), strata.end());
  const size_t only[] = {0};
  return pooled_difference({&one, 1}, only, [](size_t, size_t i) { return i; });
}

Interval bootstrap_interval(std::span<const Stratum> strata, const BootstrapOptions& options) {
  const std::vector<Stratum> one(strata.begin(), strata.end());
  return resample_seeds({&one, 1}, options).interval;
}

Resampled resample_seeds(SeedStrata seeds, const BootstrapOptions& options) {
  check_strata(seeds);
  KEEL_CHECK(options.resamples > 0, "a bootstrap needs resamples");
  std::vector<size_t> drawn(seeds.size());
  std::iota(drawn.begin(), drawn.end(), size_t{0});
  Resampled out{.difference = pooled_difference(seeds, drawn, [](size_t, size_t i) { return i; })};
  std::vector<double> differences;
  for (int64_t r = 0; r < options.resamples; ++r) {
    Rng rng(options.seed, "bootstrap", 0, static_cast<uint64_t>(r));
    if (seeds.size() > 1)
      for (size_t& seed : drawn) seed = rng.below(seeds.size());
    differences.push_back(pooled_difference(
        seeds, drawn, [&](size_t s, size_t) { return rng.below(seeds[0][s].pairs.size()); }));
  }
  std::ranges::sort(differences);
  const double tail = (1 - options.coverage) / 2;
  out.interval = {.low = quantile(differences, tail), .high = quantile(differences, 1 - tail)};
  const auto below = std::ranges::count_if(differences, [](double d) { return d <= 0; });
  const auto above = std::ranges::count_if(differences, [](double d) { return d >= 0; });
  const double few = static_cast<double>(std::min(below, above)) + 1;
  out.p = std::min(1.0, 2 * few / static_cast<double>(options.resamples + 1));
  return out;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double least = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    least = std::max(least, static_cast<double>(p.size() - rank) * p[order[rank]]);
    corrected[order[rank]] = std::min(1.0, least);
  }
  return corrected;
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
