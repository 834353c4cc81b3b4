// Mixing: the shares of methods (temperature, weights), kept at every point of an epoch.
#include "data/mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "data/sampler.h"

namespace keel {
namespace {

std::vector<int64_t> some_lengths(size_t n, int64_t base) {
  std::vector<int64_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = base + static_cast<int64_t>((i * 37) % 101);
  return out;
}

// 100 short samples of source 0, 900 long ones of source 1.
struct TwoSources {
  std::vector<int32_t> source_of;
  std::vector<int64_t> lengths;
  TwoSources() {
    lengths = some_lengths(100, 20);
    const auto more = some_lengths(900, 200);
    lengths.insert(lengths.end(), more.begin(), more.end());
    source_of.assign(1000, 1);
    std::fill_n(source_of.begin(), 100, 0);
  }
  Mixture mixture(std::vector<double> shares, bool by_tokens) const {
    return {source_of, lengths, {.shares = std::move(shares), .by_tokens = by_tokens, .seed = 3}};
  }
  double units(uint32_t sample, bool by_tokens) const {
    return by_tokens ? static_cast<double>(lengths[sample]) : 1;
  }
};

TEST(MixingShares, AreTemperatureSampling) {
  const std::vector<int64_t> units{100, 900};
  const std::vector<double> even{1, 1};
  EXPECT_EQ(mixing_shares(units, 0.5, even), (std::vector<double>{.25, .75}));
  EXPECT_EQ(mixing_shares(units, 1, even), (std::vector<double>{.1, .9}));
  EXPECT_EQ(mixing_shares(units, 0, even), (std::vector<double>{.5, .5}));
  EXPECT_EQ(mixing_shares(units, 0.5, std::vector<double>{3, 1}), (std::vector<double>{.5, .5}));
  EXPECT_EQ(mixing_shares(std::vector<int64_t>{0, 5}, 0, even), (std::vector<double>{0, 1}));
}

TEST(Mixture, SharesHoldInEveryWindow) {
  const TwoSources data;
  for (const bool by_tokens : {true, false}) {
    const Mixture mixture = data.mixture({.25, .75}, by_tokens);
    const std::vector<uint32_t> order = mixture.order(0);
    ASSERT_EQ(static_cast<int64_t>(order.size()), mixture.draws());
    const double longest = by_tokens ? 300 : 1;
    constexpr size_t kWindow = 800;  // 100 steps of 8
    for (size_t begin = 0; begin + kWindow <= order.size(); begin += 50) {
      double of_first = 0, all = 0;
      for (size_t i = begin; i < begin + kWindow; ++i) {
        const double units = data.units(order[i], by_tokens);
        all += units;
        if (data.source_of[order[i]] == 0) of_first += units;
      }
      EXPECT_NEAR(of_first / all, .25, 2 * longest / all) << "from " << begin;
      EXPECT_NEAR(of_first / all, .25, .01);
    }
  }
}

TEST(Mixture, AnEpochHasTheUnitsOfAllSourcesTogether) {
  const TwoSources data;
  EXPECT_EQ(data.mixture({.25, .75}, false).draws(), 1000);
  const auto all = static_cast<double>(std::accumulate(data.lengths.begin(), data.lengths.end(), int64_t{0}));
  const Mixture mixture = data.mixture({.25, .75}, true);
  double drawn = 0;
  for (const uint32_t s : mixture.order(1)) drawn += static_cast<double>(data.lengths[s]);
  EXPECT_NEAR(drawn / all, 1, .01);
  const std::vector<double> passes = data.mixture({.25, .75}, false).passes();
  EXPECT_DOUBLE_EQ(passes[0], 2.5);
  EXPECT_DOUBLE_EQ(passes[1], 750.0 / 900);
}

TEST(Mixture, NoSampleComesAgainBeforeAllOthersOfItsSource) {
  const TwoSources data;
  std::map<uint32_t, int> times;
  for (const uint32_t s : data.mixture({.25, .75}, false).order(0)) ++times[s];
  std::set<int> small, large;
  for (uint32_t s = 0; s < 1000; ++s) (s < 100 ? small : large).insert(times[s]);
  EXPECT_EQ(small, (std::set<int>{2, 3}));
  EXPECT_EQ(large, (std::set<int>{0, 1}));
}

TEST(Mixture, OrderIsAFunctionOfSeedAndEpoch) {
  const TwoSources data;
  const Mixture mixture = data.mixture({.5, .5}, true);
  EXPECT_EQ(mixture.order(4), data.mixture({.5, .5}, true).order(4));
  EXPECT_NE(mixture.order(4), mixture.order(5));
}

TEST(Mixture, TheSamplerDealsItsOrder) {
  const TwoSources data;
  const Mixture mixture = data.mixture({.25, .75}, false);
  Sampler sampler(data.lengths, {.batch_size = 4, .accumulation = 2, .seed = 3, .balance = false},
                  {MixStage{.mixture = mixture}});
  EXPECT_EQ(sampler.steps_per_epoch(), 125);
  const std::vector<uint32_t> order = mixture.order(1);
  std::vector<uint32_t> dealt;
  for (const auto& micro : sampler.plan(125 + 7).micro) dealt.insert(dealt.end(), micro.begin(), micro.end());
  EXPECT_EQ(dealt, std::vector<uint32_t>(order.begin() + 56, order.begin() + 64));
}

// Lengths as keys: the samples of each source come from short to long, and the shares hold all the same.
TEST(Mixture, WithKeysEachPassGoesFromSmallToLarge) {
  const TwoSources data;
  const std::vector<double> keys(data.lengths.begin(), data.lengths.end());
  const auto make = [&](uint64_t seed) {
    return Mixture(data.source_of, data.lengths,
                   {.shares = {.25, .75}, .by_tokens = false, .seed = seed, .keys = keys});
  };
  const std::vector<uint32_t> order = make(3).order(0);
  std::vector<double> small, large;
  for (const uint32_t s : order) (data.source_of[s] == 0 ? small : large).push_back(keys[s]);
  ASSERT_EQ(small.size(), 250U);  // two passes and a half
  ASSERT_EQ(large.size(), 750U);
  EXPECT_TRUE(std::is_sorted(small.begin(), small.begin() + 100));
  EXPECT_TRUE(std::is_sorted(small.begin() + 100, small.begin() + 200));
  EXPECT_TRUE(std::is_sorted(small.begin() + 200, small.end()));
  EXPECT_TRUE(std::is_sorted(large.begin(), large.end()));
  EXPECT_EQ(large.back(), 300) << "a pass that is cut short has the hard ones, too";
  EXPECT_EQ(order, make(3).order(0));
  EXPECT_NE(order, make(4).order(0)) << "equals are shuffled";
}

}  // namespace
}  // namespace keel
