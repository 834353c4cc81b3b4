// The order of samples: a function of (seed, step), with fixed samples a step.
#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/error.h"

namespace keel {
namespace {

std::vector<int64_t> lengths(size_t n) {
  std::vector<int64_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<int64_t>(1 + (i * 37) % 101);
  return out;
}

std::vector<uint32_t> flat(const StepPlan& plan) {
  std::vector<uint32_t> out;
  for (const auto& m : plan.micro) out.insert(out.end(), m.begin(), m.end());
  return out;
}

TEST(Sampler, EachEpochSeesEachSampleOnce) {
  Sampler sampler(lengths(21), {.batch_size = 2, .accumulation = 4, .seed = 1});
  EXPECT_EQ(sampler.steps_per_epoch(), 3);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    std::multiset<uint32_t> seen;
    for (int64_t s = 0; s < 3; ++s) {
      const StepPlan plan = sampler.plan(epoch * 3 + s);
      EXPECT_EQ(plan.samples(), s < 2 ? 8 : 5);
      EXPECT_EQ(plan.micro.size(), s < 2 ? 4U : 3U);
      for (const auto& m : plan.micro) EXPECT_FALSE(m.empty());
      for (const uint32_t i : flat(plan)) seen.insert(i);
    }
    EXPECT_EQ(seen.size(), 21U);
    EXPECT_EQ(std::set<uint32_t>(seen.begin(), seen.end()).size(), 21U);
  }
}

TEST(Sampler, TheOrderDependsOnSeedAndEpochAlone) {
  const SamplerOptions options{.batch_size = 3, .accumulation = 2, .seed = 5};
  Sampler a(lengths(50), options), b(lengths(50), options);
  b.plan(17);  // out of turn
  for (const int64_t step : {0, 4, 9, 12}) EXPECT_EQ(a.plan(step).micro, b.plan(step).micro) << step;
  EXPECT_NE(a.epoch_order(0), a.epoch_order(1));
  SamplerOptions other = options;
  other.seed = 6;
  EXPECT_NE(a.epoch_order(0), Sampler(lengths(50), other).epoch_order(0));
  other.shuffle = false;
  std::vector<uint32_t> ascending(50);
  std::iota(ascending.begin(), ascending.end(), 0U);
  EXPECT_EQ(Sampler(lengths(50), other).epoch_order(3), ascending);
}

TEST(Sampler, SamplesOfAStepDoNotDependOnHowTheyAreDealt) {
  const auto step = [](int64_t batch, int64_t accumulation, bool balance) {
    Sampler sampler(lengths(64),
                    {.batch_size = batch, .accumulation = accumulation, .seed = 3, .balance = balance});
    std::vector<uint32_t> samples = flat(sampler.plan(5));
    std::ranges::sort(samples);
    return samples;
  };
  const auto expected = step(8, 1, false);
  EXPECT_EQ(expected.size(), 8U);
  for (const auto& [batch, accumulation] : {std::pair(8, 1), std::pair(4, 2), std::pair(1, 8)}) {
    EXPECT_EQ(step(batch, accumulation, true), expected);
    EXPECT_EQ(step(batch, accumulation, false), expected);
  }
}

TEST(Sampler, BalancedMicroBatchesDifferByLessThanTheLongestSample) {
  const std::vector<int64_t> all = lengths(200);
  Sampler sampler(all, {.batch_size = 5, .accumulation = 4, .seed = 2});
  for (int64_t s = 0; s < sampler.steps_per_epoch(); ++s) {
    int64_t least = INT64_MAX, most = 0, longest = 0;
    for (const auto& m : sampler.plan(s).micro) {
      int64_t tokens = 0;
      for (const uint32_t i : m) tokens += all[i];
      for (const uint32_t i : m) longest = std::max(longest, all[i]);
      least = std::min(least, tokens);
      most = std::max(most, tokens);
    }
    EXPECT_LT(most - least, longest);  // holds for any greedy dealing to the least loaded
  }
}

TEST(Sampler, TotalStepsAndCursor) {
  const Sampler sampler(lengths(30), {.batch_size = 1, .accumulation = 1});
  EXPECT_EQ(sampler.total_steps(2), 60);
  EXPECT_EQ(sampler.total_steps(0.1), 3);
  EXPECT_EQ(sampler.total_steps(0.11), 4);
  EXPECT_EQ(sampler.total_steps(2, 7), 7);
  EXPECT_EQ(sampler.cursor(65), (Cursor{.epoch = 2, .step = 5}));
  EXPECT_EQ(sampler.steps_done({.epoch = 2, .step = 5}), 65);
  EXPECT_THROW(Sampler({}, {}), BugError);
}

}  // namespace
}  // namespace keel
