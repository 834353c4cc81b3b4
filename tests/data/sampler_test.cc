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

std::vector<uint32_t> epoch(Sampler& sampler, int64_t number) {
  std::vector<uint32_t> out;
  const int64_t steps = sampler.steps_per_epoch();
  for (int64_t s = number * steps; s < (number + 1) * steps; ++s)
    for (const uint32_t i : flat(sampler.plan(s))) out.push_back(i);
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
  EXPECT_NE(epoch(a, 0), epoch(a, 1));
  SamplerOptions other = options;
  other.seed = 6;
  Sampler c(lengths(50), other);
  EXPECT_NE(epoch(a, 0), epoch(c, 0));
  other.shuffle = other.balance = false;
  std::vector<uint32_t> ascending(50);
  std::iota(ascending.begin(), ascending.end(), 0U);
  Sampler d(lengths(50), other);
  EXPECT_EQ(epoch(d, 3), ascending);
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

TEST(Sampler, TotalSteps) {
  const auto total = [](double epochs, int64_t max_steps) {
    return Sampler(lengths(30), {.batch_size = 1, .epochs = epochs, .max_steps = max_steps}).total_steps();
  };
  EXPECT_EQ(total(2, 0), 60);
  EXPECT_EQ(total(0.1, 0), 3);
  EXPECT_EQ(total(0.11, 0), 4);
  EXPECT_EQ(total(2, 7), 7);
  EXPECT_THROW(Sampler({}, {}), BugError);
}

TEST(Sampler, KeysPutTheSmallOnesFirst) {
  const std::vector<int64_t> all = lengths(120);  // some of equal length
  SamplerOptions options{.batch_size = 6, .balance = false, .keys = {all.begin(), all.end()}};
  Sampler sampler(all, options);
  const std::vector<uint32_t> first = epoch(sampler, 0), second = epoch(sampler, 1);
  for (const auto& order : {first, second})
    EXPECT_TRUE(std::ranges::is_sorted(order, {}, [&](uint32_t i) { return all[i]; }));
  EXPECT_EQ(std::set<uint32_t>(first.begin(), first.end()).size(), 120U);
  EXPECT_NE(first, second) << "equals are shuffled anew";
}

// Three stages of 30 samples each, five a step: 1.5 epochs, 4 steps, and the run's own 2 epochs.
TEST(Sampler, StagesFollowEachOther) {
  const SamplerOptions options{.batch_size = 5, .epochs = 2};
  const std::vector<MixStage> stages{{.epochs = 1.5}, {.max_steps = 4, .learning_rate = 1e-3}, {}};
  Sampler sampler(lengths(30), options, stages);
  EXPECT_EQ(sampler.total_steps(), 9 + 4 + 12);
  const StepPlace end = sampler.place(8), second = sampler.place(10), last = sampler.place(24);
  EXPECT_EQ(end.stage, 0U);
  EXPECT_EQ(end.epoch, 1);
  EXPECT_TRUE(end.ends_stage);
  EXPECT_FALSE(end.ends_epoch);
  EXPECT_EQ(second.stage, 1U);
  EXPECT_EQ(second.step, 1);
  EXPECT_EQ(second.steps, 4);
  EXPECT_EQ(second.epoch, 2) << "an epoch that was begun counts, so no order comes twice";
  EXPECT_EQ(sampler.stage(1).learning_rate, 1e-3);
  EXPECT_EQ(last.stage, 2U);
  EXPECT_EQ(last.epoch, 4);
  EXPECT_TRUE(last.ends_stage && last.ends_epoch);
  EXPECT_EQ(sampler.place(25).stage, 2U) << "behind the end the last stage goes on";
  EXPECT_EQ(sampler.epochs_done(0), 0);
  EXPECT_EQ(sampler.epochs_done(9), 1.5);
  EXPECT_EQ(sampler.epochs_done(13), 2 + 4.0 / 6);
  EXPECT_EQ(sampler.epochs_done(25), 5);
  Sampler resumed(lengths(30), options, stages);  // that begins somewhere else
  for (const int64_t step : {11, 3, 24, 9})
    EXPECT_EQ(resumed.plan(step).micro, sampler.plan(step).micro) << step;
}

}  // namespace
}  // namespace keel
