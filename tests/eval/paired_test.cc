// Against tests/golden/data/paired.json: whole numbers, exact convolutions, and another generator's
// bootstrap.
#include "eval/paired.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "support/paths.h"

namespace keel {
namespace {

const Json& golden() {
  static const Json kGolden = read_json(test::golden_dir() / "paired.json");
  return kGolden;
}

// How far a quantile at 0.025 of 10,000 draws strays from the true one: √(q(1−q)/N) over the density there,
// which for a nearly normal statistic is φ(1.96)/deviation. Five of these standard errors.
double quantile_tolerance(double deviation) {
  const double density = std::exp(-1.96 * 1.96 / 2) / std::sqrt(2 * M_PI) / deviation;
  return 5 * std::sqrt(0.025 * 0.975 / 10000) / density;
}

std::vector<Pair> pairs_of(const Json& given) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < given["before"].size(); ++i)
    pairs.push_back({given["before"][i].get<double>(), given["after"][i].get<double>(),
                     given.contains("size") ? given["size"][i].get<double>() : 1.0});
  return pairs;
}

TEST(Paired, McNemarIsTheExactBinomial) {
  for (const Json& c : golden()["mcnemar"]) {
    const double p = mcnemar_exact(c["lost"], c["won"]);
    EXPECT_NEAR(p / c["p"].get<double>(), 1, 1e-9) << c;
    EXPECT_EQ(p, mcnemar_exact(c["won"], c["lost"]));
  }
}

TEST(Paired, BootstrapOfRightAndWrongFollowsTheExactDistribution) {
  for (const Json& c : golden()["rate"]) {
    const int64_t lost = c["lost"], won = c["won"], same = c["same"];
    const double n = static_cast<double>(lost + won + same);
    Stratum items;
    for (int64_t i = 0; i < lost + won + same; ++i)
      items.pairs.push_back({i < lost ? 1.0 : 0.0, i >= lost && i < lost + won ? 1.0 : 0.0});
    const Interval interval = bootstrap_interval({&items, 1});
    const double mean = static_cast<double>(won - lost) / n;
    EXPECT_DOUBLE_EQ(mean_difference({&items, 1}), mean);
    // The distribution moves in steps of 1/n, so that a quantile may lie one step off.
    const double deviation = std::sqrt((static_cast<double>(lost + won) / n - mean * mean) / n);
    const double tolerance = 1 / n + quantile_tolerance(deviation);
    EXPECT_NEAR(interval.low, c["interval"][0].get<double>(), tolerance) << c;
    EXPECT_NEAR(interval.high, c["interval"][1].get<double>(), tolerance) << c;
  }
}

TEST(Paired, BootstrapOfNllIsARatioOfSums) {
  for (const Json& c : golden()["ratio"]) {
    const Stratum items{.pairs = pairs_of(c)};
    EXPECT_NEAR(mean_difference({&items, 1}), c["difference"].get<double>(), 1e-12);
    const Interval interval = bootstrap_interval({&items, 1});
    const double tolerance = quantile_tolerance(c["deviation"]);
    EXPECT_NEAR(interval.low, c["interval"][0].get<double>(), tolerance);
    EXPECT_NEAR(interval.high, c["interval"][1].get<double>(), tolerance);
  }
}

TEST(Paired, StrataAreDrawnApartAndWeighted) {
  const Json& c = golden()["strata"];
  std::vector<Stratum> strata;
  for (const Json& s : c["strata"]) strata.push_back({s["weight"].get<double>(), pairs_of(s)});
  EXPECT_NEAR(mean_difference(strata), c["difference"].get<double>(), 1e-12);
  const Interval interval = bootstrap_interval(strata);
  const double tolerance = quantile_tolerance(c["deviation"]);
  EXPECT_NEAR(interval.low, c["interval"][0].get<double>(), tolerance);
  EXPECT_NEAR(interval.high, c["interval"][1].get<double>(), tolerance);
}

TEST(Paired, TheSeedAloneDecidesTheInterval) {
  const Stratum items{.pairs = pairs_of(golden()["ratio"][0])};
  const Interval first = bootstrap_interval({&items, 1}), again = bootstrap_interval({&items, 1});
  const Interval other = bootstrap_interval({&items, 1}, {.seed = 43});
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, other.low);
}

TEST(Paired, NothingChangedIsAnIntervalOfZero) {
  const Stratum items{.pairs = {{1, 1}, {0, 0}, {1, 1}}};
  const Interval interval = bootstrap_interval({&items, 1});
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 0);
}

TEST(Paired, ItemsThatWouldDo) {
  for (const Json& c : golden()["needed_rate"])
    EXPECT_EQ(items_for_rate(c["changed"], c["difference"]), c["items"].get<int64_t>()) << c;
  // A half-width equal to the difference is a ratio of 1 to 1.96, where 1 to 2.80 is wanted: (2.80 / 1.96)².
  EXPECT_EQ(items_for_mean(100, 0.1, 0.1), 205);
  EXPECT_EQ(items_for_mean(100, 0.1, -0.2), 52);
}

TEST(Paired, OneSeedIsDrawnAsItsItemsAlone) {
  const std::vector<Stratum> items{{.pairs = pairs_of(golden()["ratio"][0])}};
  const Resampled one = resample_seeds({&items, 1});
  const Interval same = bootstrap_interval(items);
  EXPECT_EQ(one.interval.low, same.low);
  EXPECT_EQ(one.interval.high, same.high);
  EXPECT_EQ(one.difference, mean_difference(items));
}

// Items that are all alike leave nothing but the seeds to vary: the mean of n seeds drawn from n. Of two
// seeds with differences 0 and 1 it is 0, ½ or 1 with probabilities ¼, ½, ¼.
TEST(Paired, SeedsAreDrawnFirst) {
  const Stratum none{.pairs = {{0, 0}, {0, 0}, {0, 0}}}, all{.pairs = {{0, 1}, {0, 1}, {0, 1}}};
  const std::vector<std::vector<Stratum>> seeds{{none}, {all}};
  const Resampled drawn = resample_seeds(seeds);
  EXPECT_EQ(drawn.difference, 0.5);
  EXPECT_EQ(drawn.interval.low, 0);
  EXPECT_EQ(drawn.interval.high, 1);
  EXPECT_EQ(resample_seeds(seeds, {.coverage = 0.4}).interval.low, 0.5);  // the middle 40 % are all ½
  // Twice the share of draws at or below 0: 2·¼, within five standard errors of 10,000 draws.
  EXPECT_NEAR(drawn.p, 0.5, 2 * 5 * std::sqrt(0.25 * 0.75 / 10000));
}

// Seeds that agree leave nothing but the items to vary, however many seeds there are: items are shared, so
// more seeds of the same items do not narrow the interval.
TEST(Paired, MoreSeedsOfTheSameItemsAreNoMoreItems) {
  const std::vector<Stratum> items{{.pairs = pairs_of(golden()["ratio"][0])}};
  const std::vector<std::vector<Stratum>> seeds(4, items);
  const Resampled drawn = resample_seeds(seeds);
  const Interval one = bootstrap_interval(items);
  const double tolerance = 2 * quantile_tolerance(golden()["ratio"][0]["deviation"]);
  EXPECT_NEAR(drawn.interval.low, one.low, tolerance);
  EXPECT_NEAR(drawn.interval.high, one.high, tolerance);
  EXPECT_LT(tolerance,
            0.25 * (one.high - one.low));  // half the width, as of four times the items, would show
  EXPECT_EQ(drawn.interval.low, resample_seeds(seeds).interval.low);
  EXPECT_NE(drawn.interval.low, resample_seeds(seeds, {.seed = 43}).interval.low);
}

TEST(Paired, NoDrawBeyondZeroIsTheLeastP) {
  const std::vector<Stratum> sure{{.pairs = {{0, 1}, {0, 2}, {0, 3}}}};
  EXPECT_DOUBLE_EQ(resample_seeds({&sure, 1}, {.resamples = 999}).p, 2.0 / 1000);
  const std::vector<Stratum> nothing{{.pairs = {{1, 1}, {2, 2}}}};
  EXPECT_EQ(resample_seeds({&nothing, 1}).p, 1);
}

// By hand, m = 4: .01·4 = .04, .02·3 = .06, .03·2 = .06, .04·1 = .04, which may not fall below .06.
TEST(Paired, HolmCorrectsInTheOrderOfSize) {
  const double p[] = {0.04, 0.01, 0.03, 0.02};
  const std::vector<double> corrected = holm(p);
  const double wanted[] = {0.06, 0.04, 0.06, 0.06};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(corrected[i], wanted[i], 1e-15) << i;
  const double large[] = {0.6, 0.9};
  EXPECT_EQ(holm(large), (std::vector<double>{1, 1}));
  EXPECT_EQ(holm({}).size(), 0U);
}

}  // namespace
}  // namespace keel
