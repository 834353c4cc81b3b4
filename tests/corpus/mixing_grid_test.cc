// The arms of a grid, and which one wins.
#include "corpus/mixing_grid.h"

#include <gmock/gmock.h>

#include <limits>

namespace keel {
namespace {

using ::testing::ElementsAre;

struct Arms {
  std::vector<GridArm> arms;
  std::vector<std::string> problems;
};

Arms arms_of(const char* grid, const MixingOptions& mixing = {.strategy = "dmt"}) {
  Arms out;
  std::vector<ErrorText> problems;
  out.arms = grid_arms({.grid = Json::parse(grid)}, mixing, problems);
  for (const ErrorText& p : problems) out.problems.push_back(p.where + " | " + p.found + " | " + p.wanted);
  return out;
}

TEST(MixingGrid, EachValueIsAnArm) {
  const Arms found = arms_of(R"({"replay_ratio":[0.05],"dmt_k":[1,0.25]})");
  EXPECT_TRUE(found.problems.empty());
  ASSERT_EQ(found.arms.size(), 3U);
  EXPECT_EQ(found.arms[0].name(), "dmt_k-1");
  EXPECT_EQ(found.arms[1].name(), "dmt_k-0.25");
  EXPECT_EQ(found.arms[2].name(), "replay_ratio-0.05");
  MixingOptions mixing{.strategy = "dmt", .dmt_k = 0.5};
  found.arms[1].apply(mixing);
  EXPECT_EQ(mixing.strategy, "dmt");
  EXPECT_EQ(mixing.dmt_k, 0.25);
  found.arms[2].apply(mixing);
  EXPECT_EQ(mixing.strategy, "mixed_sequential");
  EXPECT_EQ(mixing.replay_ratio, 0.05);
  EXPECT_EQ(mixing.dmt_k, MixingOptions().dmt_k) << "what the strategy does not use stays as it was";
  EXPECT_TRUE(arms_of("null").arms.empty());
}

TEST(MixingGrid, AllMistakesAreTold) {
  EXPECT_THAT(arms_of("[1]", {}).problems,
              ElementsAre("grid | grid with mix_strategy: concat | mix_strategy: dmt or mixed_sequential",
                          "grid | [1] | values to try, such as {dmt_k: [1, 0.5, 0.25]}"));
  EXPECT_THAT(arms_of(R"({"dmt_k":[2,1,"x",1],"replay_ratio":0.1,"seed":[1]})").problems,
              ElementsAre("grid.dmt_k | 2 | a list of numbers from 0 to 1",
                          "grid.dmt_k | \"x\" | a list of numbers from 0 to 1",
                          "grid.dmt_k | 1 twice | each value once",
                          "grid.replay_ratio | 0.1 | a list of numbers from 0 to 0.9",
                          "grid | unknown key 'seed' | one of: dmt_k, replay_ratio"));
  const MixingOptions own{.strategy = "mixed_sequential",
                          .stages = Json::parse(R"([{},{"replay_ratio":0.2}])")};
  EXPECT_THAT(arms_of(R"({"replay_ratio":[0.1]})", own).problems,
              ElementsAre("grid | grid, and a stage with a replay_ratio of its own | one of them"));
}

TEST(MixingGrid, TheWinnerIsTheBestSpecialistThatStillRemembers) {
  const auto winner = [](std::vector<std::pair<double, double>> losses) {
    std::vector<ArmResult> arms;
    for (const auto& [specialist, general] : losses)
      arms.push_back({.specialist = specialist, .general = general});
    return winner_of(arms);
  };
  EXPECT_EQ(winner({{1.0, 2.1}, {1.2, 2.0}, {1.1, 2.019}}), 2U) << "2.1 is more than 1 % above 2.0";
  EXPECT_EQ(winner({{1.0, 2.02}, {1.2, 2.0}}), 0U) << "exactly 1 %";
  EXPECT_EQ(winner({{1.0, 2.0}, {1.0, 2.0}}), 0U) << "of equals the first";
  const double none = std::numeric_limits<double>::infinity();
  EXPECT_EQ(winner({{none, none}, {1.0, 2.0}}), 1U);
  EXPECT_EQ(winner({{2.0, none}, {1.0, none}}), 1U);
}

}  // namespace
}  // namespace keel
