// The stages of each mix_strategy, dealt out by the sampler: shares over a whole run and over every window of
// it, as methods have them.
#include "data/mix.h"

#include <gmock/gmock.h>

#include "support/error_of.h"

namespace keel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kBatch = 8, kWindow = 100;  // steps

// Sources of so many samples, of 20 to 60 tokens.
MixSamples samples_of(const std::vector<std::pair<std::string, int>>& sources) {
  MixSamples out;
  for (const auto& [name, count] : sources) {
    for (int i = 0; i < count; ++i) {
      out.source_of.push_back(static_cast<int32_t>(out.sources.size()));
      out.lengths.push_back(20 + i * 37 % 41);
    }
    out.sources.push_back(name);
  }
  return out;
}

struct MixedRun {
  MixSamples samples;
  DataOptions options;

  Sampler sampler(uint64_t seed = 3) const {
    return {samples.lengths, {.batch_size = kBatch, .seed = seed}, make_mix(samples, options, seed).stages};
  }

  // Shares of the sources in the tokens of steps [begin, end).
  std::vector<double> shares(Sampler& sampler, int64_t begin, int64_t end) const {
    std::vector<double> units(samples.sources.size(), 0.0);
    double all = 0;
    for (int64_t step = begin; step < end; ++step)
      for (const auto& members : sampler.plan(step).micro)
        for (const uint32_t m : members) {
          units[static_cast<size_t>(samples.source_of[m])] += static_cast<double>(samples.lengths[m]);
          all += static_cast<double>(samples.lengths[m]);
        }
    for (double& u : units) u /= all;
    return units;
  }

  // That a stage has these shares as a whole and, to 1 %, in every window.
  void expect_shares(size_t stage, const std::vector<double>& wanted) const {
    Sampler s = sampler();
    int64_t begin = 0;
    while (s.place(begin).stage < stage) ++begin;
    const int64_t end = begin + s.place(begin).steps;
    ASSERT_GE(end - begin, kWindow) << "too short to say anything";
    for (int64_t at = begin; at + kWindow <= end; at += 25) {
      const std::vector<double> found = shares(s, at, at + kWindow);
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_NEAR(found[i], wanted[i], 0.01) << samples.sources[i] << " from step " << at;
    }
    const std::vector<double> whole = shares(s, begin, end);
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(whole[i], wanted[i], 0.005) << samples.sources[i];
  }

  void expect_resumes() const {
    Sampler whole = sampler(), later = sampler();
    std::vector<StepPlan> plans;
    for (int64_t step = 0; step < whole.total_steps(); ++step) plans.push_back(whole.plan(step));
    for (int64_t step = whole.total_steps() - 1; step >= 0; step -= 7)
      EXPECT_EQ(later.plan(step).micro, plans[static_cast<size_t>(step)].micro) << step;
    EXPECT_NE(sampler(4).plan(0).micro, plans[0].micro);
  }
};

MixedRun run_of(const std::string& datasets, const std::vector<int>& counts, MixingOptions mixing) {
  MixedRun run;
  run.options.datasets = Json::parse(datasets);
  run.options.mixing = std::move(mixing);
  std::vector<std::pair<std::string, int>> sources;
  for (size_t i = 0; i < counts.size(); ++i)
    sources.emplace_back(run.options.datasets[i]["path"].get<std::string>(), counts[i]);
  run.samples = samples_of(sources);
  return run;
}

constexpr const char* kNumbered = R"([{"path":"a","stage":1},{"path":"b","stage":2},{"path":"c","stage":3}])";
constexpr const char* kRoles =
    R"([{"path":"law","role":"specialist"},{"path":"ships","role":"specialist","weight":3},{"path":"chat","role":"general"}])";

TEST(MixStrategies, MultiTask) {
  const MixedRun run =
      run_of(R"([{"path":"a"},{"path":"b","weight":2}])", {600, 600}, {.strategy = "multi_task", .alpha = 0});
  run.expect_shares(0, {1.0 / 3, 2.0 / 3});
  run.expect_resumes();
}

TEST(MixStrategies, Sequential) {
  const MixedRun run = run_of(kNumbered, {800, 800, 800}, {.strategy = "sequential", .replay_ratio = 0.2});
  run.expect_shares(0, {1, 0, 0});
  run.expect_shares(1, {.2, .8, 0});
  run.expect_shares(2, {.1, .1, .8});  // a and b have the same size
  run.expect_resumes();
  Sampler s = run.sampler();
  EXPECT_EQ(s.steps_per_epoch(0), 100);
  EXPECT_EQ(s.steps_per_epoch(2), 125) << "an epoch passes over the new data once: 800 / 0.8";
}

TEST(MixStrategies, SequentialWithRatiosOfTheStages) {
  const Json stages =
      Json::parse(R"([{"epochs":1.5},{"replay_ratio":0},{"replay_ratio":0.5,"max_steps":110}])");
  const MixedRun run = run_of(kNumbered, {800, 800, 400}, {.strategy = "sequential", .stages = stages});
  run.expect_shares(1, {0, 1, 0});
  run.expect_shares(2, {.25, .25, .5});
  run.expect_resumes();
  EXPECT_EQ(run.sampler().total_steps(), 150 + 100 + 110);
}

TEST(MixStrategies, MixedSequential) {
  MixedRun run = run_of(kRoles, {400, 400, 1600}, {.strategy = "mixed_sequential"});
  run.expect_shares(0, {.25, .75, 0});     // by weight
  run.expect_shares(1, {.025, .075, .9});  // a tenth is replayed, by weight
  run.expect_resumes();
}

// Stage 2 has all of the general data and k times the specialists'.
TEST(MixStrategies, Dmt) {
  const char* roles = R"([{"path":"law","role":"specialist"},{"path":"chat","role":"general"}])";
  for (const double k : {1.0, 0.25, 1.0 / 16}) {
    const MixedRun run = run_of(roles, {820, 1640}, {.strategy = "dmt", .dmt_k = k});
    run.expect_shares(0, {1, 0});
    run.expect_shares(1, {k / (k + 2), 2 / (k + 2)});
    run.expect_resumes();
    EXPECT_NEAR(static_cast<double>(run.sampler().samples_per_epoch(1)), 1640 + k * 820, 1);
  }
  EXPECT_EQ(run_of(roles, {820, 1640}, {.strategy = "dmt", .dmt_k = 0}).sampler().samples_per_epoch(1), 1640);
}

TEST(MakeMix, TellsSharesAndWarnsOfRepetition) {
  MixedRun run = run_of(R"([{"path":"small.jsonl"},{"path":"large.jsonl"}])", {41, 369}, {});
  EXPECT_FALSE(make_mix(run.samples, run.options, 42).stages.at(0).mixture.has_value());
  run.options.mixing = {.strategy = "multi_task", .alpha = 0};
  const Mix mix = make_mix(run.samples, run.options, 42);
  EXPECT_THAT(mix.lines, ElementsAre("mix: small.jsonl 50.0 % of the tokens, 5 passes an epoch",
                                     "mix: large.jsonl 50.0 % of the tokens, 0.56 passes an epoch"));
  EXPECT_THAT(mix.warnings,
              ElementsAre("small.jsonl is passed over 5.0 times an epoch: so much repetition is learned by "
                          "heart; lower its weight or raise mix_alpha"));
  run.options.mixing.alpha = 1;
  EXPECT_TRUE(make_mix(run.samples, run.options, 42).warnings.empty());
}

TEST(MakeMix, TellsEachStage) {
  const MixedRun run = run_of(R"([{"path":"law","role":"specialist"},{"path":"chat","role":"general"}])",
                              {41, 1640}, {.strategy = "mixed_sequential", .replay_ratio = 0.2});
  const Mix mix = make_mix(run.samples, run.options, 42);
  EXPECT_THAT(mix.lines, ElementsAre("mix: stage 1: law 100.0 % of the tokens, 1 passes an epoch",
                                     "mix: stage 2: law 20.0 % of the tokens, 10 passes an epoch",
                                     "mix: stage 2: chat 80.0 % of the tokens, 1 passes an epoch"));
  EXPECT_THAT(mix.warnings,
              ElementsAre("stage 2: law is passed over 10.0 times an epoch: so much repetition is learned by "
                          "heart; lower its weight or replay less"));
}

TEST(MakeMix, RefusesWhatThePlanRefusesAndStagesWithoutSamples) {
  MixedRun run = run_of(R"([{"path":"a","weight":2},{"path":"b"}])", {9, 9}, {});
  EXPECT_THAT(test::error_of([&] { make_mix(run.samples, run.options, 42); }),
              HasSubstr("datasets: weight: 2 for a, and mix_strategy: concat"));
  run = run_of(kNumbered, {9, 0, 9}, {.strategy = "sequential"});
  EXPECT_EQ(test::error_of([&] { make_mix(run.samples, run.options, 42); }),
            "datasets: no sample is left in the sources of stage 2\n  wanted: at least one\n"
            "  try:    look at cutoff_len, train_on, and what val_size holds out");
}

}  // namespace
}  // namespace keel
