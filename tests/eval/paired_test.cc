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

}  // namespace
}  // namespace keel
