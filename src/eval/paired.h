// Two evaluations of the same items, item by item: is the difference more than chance? Percentile bootstrap
// (Efron 1979) that draws items, and McNemar's exact test (1947) of the items whose verdict changed. Of runs
// over several seeds: seeds are drawn first, then items (Owen's pigeonhole bootstrap, 2007), as all seeds are
// measured on the same items.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace keel {

// One item. A mean over items is Σ value / Σ size: right or wrong has size 1, a sum of NLL its tokens.
struct Pair {
  double before = 0, after = 0, size = 1;
};

// Items that are drawn among themselves. The difference of several strata is the weighted mean of theirs.
struct Stratum {
  double weight = 1;
  std::vector<Pair> pairs;  // not empty
};

struct Interval {
  double low = 0, high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
};

struct BootstrapOptions {
  uint64_t seed = 42;
  int64_t resamples = 10000;
  double coverage = 0.95;
};

double mean_difference(std::span<const Stratum> strata);  // after − before

// Of the mean difference; quantiles are interpolated linearly between neighbours.
Interval bootstrap_interval(std::span<const Stratum> strata, const BootstrapOptions& options = {});

struct Resampled {
  double difference = 0;  // mean over the seeds
  Interval interval;
  double p = 1;  // two-sided: twice the share of draws on the far side of 0, (n + 1) / (resamples + 1)
};

// Each seed has the same strata with the same items in the same order. A draw takes as many seeds as there
// are, then items once for all of them. Of one seed only items are drawn: it is bootstrap_interval of its
// strata.
Resampled resample_seeds(std::span<const std::vector<Stratum>> seeds, const BootstrapOptions& options = {});

// p-values corrected for their number (Holm 1979), in the order given; at most 1.
std::vector<double> holm(std::span<const double> p);

// Two-sided: min(1, 2·P(X ≤ min(lost, won))), X ~ Binomial(lost + won, ½). 1 when nothing changed.
double mcnemar_exact(int64_t lost, int64_t won);

// Items with which a true difference is found with probability 0.8 at level 0.05 (two-sided).
// Right or wrong: `changed` is the share of items whose verdict changes, at least |difference|.
int64_t items_for_rate(double changed, double difference);
// A mean: `half_width` is that of the 95 % interval with `items` items.
int64_t items_for_mean(int64_t items, double half_width, double difference);

}  // namespace keel
