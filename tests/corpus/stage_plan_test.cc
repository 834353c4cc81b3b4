// What each mix_strategy makes of the datasets list, and every combination that has no sense.
#include "corpus/stage_plan.h"

#include <gmock/gmock.h>

#include "corpus/dataset_spec.h"

namespace keel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Planned {
  std::vector<StagePlan> stages;
  std::vector<std::string> problems;
};

Planned plan(const std::string& datasets, const MixingOptions& options) {
  Planned out;
  std::vector<ErrorText> problems;
  const auto specs = dataset_specs(Json::parse(datasets), "datasets", problems);
  out.stages = plan_stages(specs, options, problems);
  for (const ErrorText& p : problems)
    out.problems.push_back(p.where + " | " + p.found + " | " + p.wanted +
                           (p.hint.empty() ? "" : " | " + p.hint));
  return out;
}

constexpr const char* kPlain = R"(["a", "b"])";
constexpr const char* kNumbered = R"([{"path":"a","stage":1},{"path":"b","stage":3},{"path":"c","stage":2}])";
constexpr const char* kRoles =
    R"([{"path":"law","role":"specialist"},{"path":"chat","role":"general"},{"path":"ships","role":"specialist"}])";

TEST(StagePlan, OneStageOfAll) {
  for (const char* strategy : {"concat", "multi_task"}) {
    const Planned p = plan(kPlain, {.strategy = strategy});
    EXPECT_THAT(p.problems, IsEmpty());
    ASSERT_EQ(p.stages.size(), 1U);
    EXPECT_THAT(p.stages[0].fresh, ElementsAre(0, 1));
    EXPECT_THAT(p.stages[0].replayed, IsEmpty());
  }
}

TEST(StagePlan, SequentialReplaysAllEarlierStages) {
  const Planned p = plan(kNumbered, {.strategy = "sequential", .replay_ratio = 0.2});
  EXPECT_THAT(p.problems, IsEmpty());
  ASSERT_EQ(p.stages.size(), 3U);
  EXPECT_THAT(p.stages[0].fresh, ElementsAre(0));
  EXPECT_EQ(p.stages[0].replay_ratio, 0);
  EXPECT_THAT(p.stages[1].fresh, ElementsAre(2));
  EXPECT_THAT(p.stages[1].replayed, ElementsAre(0));
  EXPECT_THAT(p.stages[2].fresh, ElementsAre(1));
  EXPECT_THAT(p.stages[2].replayed, ElementsAre(0, 2));
  EXPECT_EQ(p.stages[2].replay_ratio, 0.2);
}

TEST(StagePlan, RolesMakeTwoStages) {
  const Planned mixed = plan(kRoles, {.strategy = "mixed_sequential"});
  const Planned dmt = plan(kRoles, {.strategy = "dmt", .dmt_k = 0.5});
  for (const Planned& p : {mixed, dmt}) {
    EXPECT_THAT(p.problems, IsEmpty());
    ASSERT_EQ(p.stages.size(), 2U);
    EXPECT_THAT(p.stages[0].fresh, ElementsAre(0, 2));
    EXPECT_THAT(p.stages[1].fresh, ElementsAre(1));
    EXPECT_THAT(p.stages[1].replayed, ElementsAre(0, 2));
  }
  EXPECT_EQ(mixed.stages[1].replay_ratio, 0.1);
  EXPECT_FALSE(mixed.stages[1].dmt_k);
  EXPECT_EQ(dmt.stages[1].dmt_k, 0.5);
}

TEST(StagePlan, AStageMayHaveItsOwn) {
  const Json list =
      Json::parse(R"([{"epochs":2},{"max_steps":30,"learning_rate":1e-5,"replay_ratio":0.3},{}])");
  const Planned p = plan(kNumbered, {.strategy = "sequential", .stages = list});
  EXPECT_THAT(p.problems, IsEmpty());
  EXPECT_EQ(p.stages[0].epochs, 2);
  EXPECT_EQ(p.stages[1].max_steps, 30);
  EXPECT_EQ(p.stages[1].learning_rate, 1e-5);
  EXPECT_EQ(p.stages[1].replay_ratio, 0.3);
  EXPECT_FALSE(p.stages[2].epochs);
  EXPECT_EQ(p.stages[2].replay_ratio, 0.1);
}

TEST(StagePlan, OptionsThatNothingUsesAreRefused) {
  EXPECT_THAT(
      plan(kPlain, {.alpha = 0.5, .by = "samples", .replay_ratio = 0.2, .dmt_k = 1, .stages = Json::array()})
          .problems,
      ElementsAre(
          "mix_alpha | mix_alpha: 0.5 with mix_strategy: concat | mix_strategy: multi_task or another "
          "strategy with shares | leave mix_alpha out",
          "mix_by | mix_by: samples with mix_strategy: concat | mix_strategy: multi_task or another "
          "strategy with shares | leave mix_by out",
          "replay_ratio | replay_ratio: 0.2 with mix_strategy: concat | mix_strategy: sequential or "
          "mixed_sequential | leave replay_ratio out",
          "dmt_k | dmt_k: 1 with mix_strategy: concat | mix_strategy: dmt | leave dmt_k out",
          "stages | stages: [] with mix_strategy: concat | mix_strategy: sequential, mixed_sequential or "
          "dmt | num_train_epochs and learning_rate are those of the only stage"));
  EXPECT_THAT(
      plan(kRoles, {.strategy = "dmt", .replay_ratio = 0.2}).problems,
      ElementsAre("replay_ratio | replay_ratio: 0.2 with mix_strategy: dmt | mix_strategy: sequential "
                  "or mixed_sequential | dmt_k says how much dmt replays"));
  EXPECT_THAT(plan(kRoles, {.strategy = "mixed_sequential", .dmt_k = 0.5}).problems,
              ElementsAre("dmt_k | dmt_k: 0.5 with mix_strategy: mixed_sequential | mix_strategy: dmt | "
                          "replay_ratio says how much is replayed"));
}

TEST(StagePlan, EntriesThatDoNotFitTheStrategyAreRefused) {
  EXPECT_THAT(
      plan(R"([{"path":"a","stage":1},{"path":"b","role":"general"}])", {.strategy = "multi_task"}).problems,
      ElementsAre("datasets | stage: 1 for a, and mix_strategy: multi_task | mix_strategy: sequential, "
                  "which has numbered stages | leave it out",
                  "datasets | role: general for b, and mix_strategy: multi_task | mix_strategy: "
                  "mixed_sequential or dmt, which know roles | leave it out"));
  EXPECT_THAT(
      plan(R"(["a", {"path":"b","stage":2}])", {.strategy = "sequential"}).problems,
      ElementsAre("datasets | no stage for a, and mix_strategy: sequential | stage: 1, stage: 2, … for "
                  "each source | sources with more than a path stand in the datasets list",
                  "datasets | one stage alone, and mix_strategy: sequential | two stages or more | "
                  "mix_strategy: multi_task trains all sources together"));
  EXPECT_THAT(plan(R"([{"path":"a","stage":1},{"path":"b","stage":3}])", {.strategy = "sequential"}).problems,
              ElementsAre("datasets | stages 1, 3 | stages 1, 2, … without a gap"));
  EXPECT_THAT(
      plan(R"([{"path":"a","role":"general"},{"path":"b","role":"general"}])", {.strategy = "dmt"}).problems,
      ElementsAre("datasets | one stage alone, and mix_strategy: dmt | a specialist source and a "
                  "general one | mix_strategy: multi_task trains all sources together"));
  EXPECT_THAT(plan(R"([{"path":"a","stage":0},{"path":"b","role":"expert"}])", {}).problems,
              ElementsAre("datasets[0].stage | 0 | a whole number, at least 1",
                          "datasets[1].role | 'expert' | specialist or general"));
}

TEST(StagePlan, AWeightNeedsASourceBesideIt) {
  EXPECT_THAT(
      plan(R"([{"path":"a","weight":2},"b"])", {}).problems,
      ElementsAre("datasets | weight: 2 for a, and mix_strategy: concat | a strategy that uses it | "
                  "mix_strategy: multi_task, or leave the weight out (concat takes every sample once)"));
  EXPECT_THAT(
      plan(R"([{"path":"a","stage":1},{"path":"b","stage":2,"weight":3}])", {.strategy = "sequential"})
          .problems,
      ElementsAre("datasets | weight: 3 for b, the only source of its stage | a second source beside it "
                  "| replay_ratio or dmt_k say how much of earlier stages is mixed in"));
  const char* replayed =
      R"([{"path":"a","stage":1,"weight":3},{"path":"b","stage":2},{"path":"c","stage":3}])";
  EXPECT_THAT(plan(replayed, {.strategy = "sequential"}).problems, IsEmpty()) << "it counts in the replay";
}

TEST(StagePlan, MistakesOfTheStagesListAreToldAtOnce) {
  const auto with = [](const char* stages, const char* strategy = "sequential") {
    const char* sources =
        std::string_view(strategy) == "dmt" ? kRoles : R"([{"path":"a","stage":1},{"path":"b","stage":2}])";
    return plan(sources, {.strategy = strategy, .stages = Json::parse(stages)}).problems;
  };
  EXPECT_THAT(with("[{}]"),
              ElementsAre("stages | 1 entries for 2 stages | a list with one entry a stage, such as "
                          "[{epochs: 1}, {epochs: 2, learning_rate: 1e-5}]"));
  EXPECT_THAT(with("3"),
              ElementsAre("stages | 3 | a list with one entry a stage, such as [{epochs: 1}, {epochs: "
                          "2, learning_rate: 1e-5}]"));
  EXPECT_THAT(
      with(R"([{"epochs":0,"replay_ratio":0.1},{"learning_rate":"fast","max_steps":1.5,"epoch":1}])"),
      ElementsAre("stages[0].epochs | 0 | a number above 0",
                  "stages[0].replay_ratio | in the first stage | a later one: nothing was trained before",
                  "stages[1].max_steps | 1.5 | a whole number, at least 1",
                  "stages[1].learning_rate | \"fast\" | a number above 0",
                  "stages[1] | unknown key 'epoch' |  | did you mean 'epochs'?"));
  EXPECT_THAT(with(R"([7,{"epochs":1,"max_steps":2,"replay_ratio":1}])"),
              ElementsAre("stages[0] | 7 | an entry such as {epochs: 1, learning_rate: 1e-5}",
                          "stages[1].replay_ratio | 1 | a number from 0 to 0.9",
                          "stages[1].max_steps | epochs and max_steps, both | one of them"));
  EXPECT_THAT(with(R"([{},{"replay_ratio":0.2}])", "dmt"),
              ElementsAre("stages[1].replay_ratio | with mix_strategy: dmt | mix_strategy: sequential or "
                          "mixed_sequential | dmt_k says how much dmt replays"));
}

}  // namespace
}  // namespace keel
