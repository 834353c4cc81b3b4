// Matching, contrasts and sentences on made-up runs whose answers are known.
#include "experiment/conclusions.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/fs.h"
#include "experiment/outcome_file.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr int kItems = 40;

// A model with this loss per token on every domain row, this on general rows (rows differ by a fixed
// pattern), and the first `right` of 40 questions answered.
std::vector<ProbeResult> model(double domain, double general, int right) {
  std::vector<ProbeResult> out;
  for (int i = 0; i < kItems; ++i) {
    const double pattern = 0.01 * (i % 5 - 2);
    ProbeResult row{.id = std::to_string(i), .dimension = kDomainRows, .type = "nll"};
    row.nll = 10 * domain, row.tokens = 10, row.group = kDomainRows;
    out.push_back(row);
    row.dimension = row.group = kGeneralRows;
    row.nll = 10 * (general + pattern * general);
    out.push_back(row);
    out.push_back({.id = std::to_string(i), .dimension = "math", .right = i < right, .group = "tasks"});
  }
  return out;
}

struct Case {
  Plan plan;
  std::vector<ProbeResult> base = model(2.5, 3.0, 30);
  std::vector<RunOutcome> runs;

  Case() {
    plan.arms = {"plain", "nlirg"};
    plan.contrasts = {{"nlirg", "plain"}};
  }

  void add(const std::string& arm, double rate, int64_t seed, std::vector<ProbeResult> results) {
    runs.push_back({.arm = arm, .rate = rate, .seed = seed, .ended = "finished"});
    runs.back().results = std::move(results);
  }

  Scales scales() const { return scales_of(plan, {}, base); }
  Findings findings() const {
    const Scales own = scales();
    return conclude(plan, own, base, runs);
  }
};

// plain learns to 2.0 at its high rate and forgets; at its low rate it learns too little. nlirg reaches 1.9
// and passes 2.0 with less forgotten.
Case two_arms() {
  Case c;
  c.add("plain", 1e-4, 1, model(2.3, 3.0, 30));
  c.add("plain", 2e-4, 1, model(2.0, 3.3, 20));
  c.add("nlirg", 1e-4, 1, model(2.0, 3.1, 29));
  c.add("nlirg", 2e-4, 1, model(1.9, 3.2, 28));
  return c;
}

TEST(Scales, AreFoundFromWhatTheBaseWasAsked) {
  const Scales scales = two_arms().scales();
  EXPECT_EQ(scales.domain.name, "domain loss");
  ASSERT_EQ(scales.general.size(), 2U);
  EXPECT_EQ(scales.general[0].name, "general loss");
  EXPECT_EQ(scales.general[1].name, "general accuracy");
  EXPECT_NEAR(value_of(scales.domain, two_arms().base), 2.5, 1e-12);
  EXPECT_NEAR(value_of(scales.general[0], two_arms().base), 3.0, 1e-12);
  EXPECT_DOUBLE_EQ(value_of(scales.general[1], two_arms().base), 0.75);
}

TEST(Scales, ASuiteWithoutADomainIsRefused) {
  Case c;
  c.plan.domain = "suite";
  try {
    c.scales();
    FAIL();
  } catch (const UserError& e) {
    EXPECT_STREQ(e.what(),
                 "eval: domain: the suite has no answers of the dimension \"domain\"\n"
                 "  wanted: probes with \"dimension\": \"domain\"");
  }
}

TEST(Scales, TheDomainIsNoGeneralAbility) {
  Case c;
  c.plan.domain = "suite";
  for (int i = 0; i < 4; ++i)
    c.base.push_back({.id = std::to_string(i), .dimension = "domain", .right = i == 0, .group = "facts"});
  const Scales scales = c.scales();
  EXPECT_DOUBLE_EQ(value_of(scales.domain, c.base), 0.25);
  EXPECT_DOUBLE_EQ(value_of(scales.general[1], c.base), 0.75);
}

TEST(Match, TheScoreIsTheBestThatAllArmsReachAndOfThePointsTheOneThatForgetsLeastIsTaken) {
  const Case c = two_arms();
  const Scales scales = c.scales();
  const auto points = rate_points(scales, c.base, c.runs);
  ASSERT_EQ(points.size(), 4U);
  EXPECT_NEAR(points[1].learned, 0.5, 1e-12);
  EXPECT_NEAR(points[1].forgot, 0.3, 1e-12);
  const auto match = match_arms(points);
  ASSERT_TRUE(match);
  EXPECT_NEAR(match->gain, 0.5, 1e-12);  // plain's best; nlirg's is 0.6
  EXPECT_EQ(match->best.at("plain"), 1U);
  EXPECT_EQ(match->best.at("nlirg"), 2U);
  EXPECT_EQ(edge_of(points, 1), 1);
  EXPECT_EQ(edge_of(points, 2), -1);
  EXPECT_FALSE(match_arms(points, 0.55)->best.contains("plain"));
  EXPECT_EQ(match_arms(points, 0.55)->best.at("nlirg"), 3U);
}

TEST(Match, AnArmThatHardlyLearnsDoesNotLowerTheScore) {
  Case c = two_arms();
  c.add("dft", 1e-4, 1, model(2.4, 3.0, 30));  // a gain of 0.1, below half of 0.6
  const Scales scales = c.scales();
  const auto match = match_arms(rate_points(scales, c.base, c.runs));
  EXPECT_NEAR(match->gain, 0.5, 1e-12);
  EXPECT_FALSE(match->best.contains("dft"));
}

TEST(Match, ThereIsNoneWhereNothingIsLearned) {
  Case c;
  c.add("plain", 1e-4, 1, model(2.6, 3.0, 30));
  c.add("nlirg", 1e-4, 1, {});  // sick
  const Scales scales = c.scales();
  EXPECT_FALSE(match_arms(rate_points(scales, c.base, c.runs)));
  EXPECT_THAT(c.findings().sentences[0],
              HasSubstr("Nothing is shown: no arm got better than the base model (domain loss 2.5000)"));
  EXPECT_THAT(c.findings().sentences, Contains("Ended sick, without a model: nlirg_lr0.0001_seed1."));
}

// Of 40 questions nlirg has 9 more right than plain: 22.5 points.
TEST(Conclusions, WhatIsShownIsSaidWithItsIntervalAndItsCorrectedP) {
  const Findings found = two_arms().findings();
  EXPECT_EQ(
      found.sentences[0],
      "Arms are compared at domain loss 2.0000 (base: 2.5000), the best that all arms that learn can reach.");
  EXPECT_THAT(
      found.sentences[1],
      HasSubstr("nlirg forgets less than plain at equal domain score (domain loss 2.0000 and 2.0000): "
                "general loss -0.2000 [-0.20"));
  EXPECT_THAT(found.sentences[1], HasSubstr("p (Holm) < 0.001."));
  EXPECT_THAT(found.sentences[2],
              HasSubstr("nlirg keeps more general accuracy than plain at equal domain score"));
  EXPECT_THAT(found.sentences[2], HasSubstr("+22.5 points [10.0, 3"));
  EXPECT_THAT(found.sentences,
              Contains(HasSubstr("The best learning rate of plain (0.0002) is the largest of its list")));
  EXPECT_THAT(found.sentences, Contains(HasSubstr("One seed: seeds were not resampled")));
  EXPECT_EQ(found.frontier["points"].size(), 4U);
  EXPECT_EQ(found.tables[0]["rows"].size(), 2U);
}

TEST(Conclusions, WhatIsNotShownIsSaidToo) {
  Case c = two_arms();
  c.runs[2].results = model(2.0, 3.3, 21);
  c.runs[3].results = model(1.9, 3.5, 10);
  c.plan.contrasts.push_back({"plain", "nlirg"});
  const Findings found = c.findings();
  EXPECT_THAT(
      found.sentences,
      Contains(HasSubstr("Not shown: that nlirg and plain differ in general accuracy at equal domain score "
                         "(domain loss 2.0000 and 2.0000): +2.5 points [0.0, 7.5], p (Holm) = 1. 40 items "
                         "are not enough: about ")));
}

TEST(Conclusions, ScoresThatDifferAreNotCalledEqual) {
  Case c = two_arms();
  c.runs[2].results = model(2.3, 3.0, 30);  // what is left of nlirg is at 1.9
  EXPECT_THAT(
      c.findings().sentences,
      Contains(HasSubstr("nlirg forgets less than plain where both reach the domain score, but not equally "
                         "(domain loss 1.9000 and 2.0000): ")));
}

TEST(Conclusions, AnArmWithRowsOfItsOwnIsSaid) {
  Case c = two_arms();
  for (const std::string& arm : c.plan.arms) c.plan.runs.push_back({.arm = arm});
  c.plan.runs[0].config.data.dataset = c.plan.runs[1].config.data.dataset = {"rows.jsonl"};
  EXPECT_THAT(c.findings().sentences, Not(Contains(HasSubstr("rows of its own"))));
  c.plan.runs[1].config.data.dataset = {"clean.jsonl"};
  EXPECT_THAT(c.findings().sentences,
              Contains("nlirg trained on rows of its own (clean.jsonl): what differs is the data, too."));
}

TEST(Conclusions, ABudgetThatWasNotTheSameIsSaid) {
  Case c = two_arms();
  EXPECT_THAT(c.findings().sentences, Not(Contains(HasSubstr("budget"))));
  c.runs[1].tokens = 70;
  EXPECT_THAT(c.findings().sentences,
              Contains("The budget was not the same: plain_lr0.0001_seed1 trained 0 supervised tokens, "
                       "plain_lr0.0002_seed1 70."));
}

TEST(Conclusions, ABudgetOfFlopsWeighsTokensByWhatTheyCost) {
  Case c = two_arms();
  c.plan.budget = "flops";
  for (const std::string& arm : c.plan.arms) c.plan.runs.push_back({.arm = arm});
  c.plan.runs[0].config.loss.token_weighting = "none";
  c.plan.runs[1].config.loss.token_weighting = "stm";  // one pass more than three
  for (RunOutcome& run : c.runs) run.tokens = run.arm == "plain" ? 400 : 305;
  EXPECT_THAT(c.findings().sentences, Not(Contains(HasSubstr("budget")))) << "1200 and 1220";
  c.runs[3].tokens = 400;
  EXPECT_THAT(
      c.findings().sentences,
      Contains("The budget was not the same: plain_lr0.0001_seed1 trained 1200 supervised tokens times "
               "passes, nlirg_lr0.0002_seed1 1600."));
}

TEST(Conclusions, WhereNothingIsForgottenNothingIsProtected) {
  Case c;
  c.add("plain", 1e-4, 1, model(2.0, 3.0, 30));
  c.add("nlirg", 1e-4, 1, model(2.0, 2.9, 31));
  EXPECT_THAT(
      c.findings().sentences,
      Contains(HasSubstr("plain has lost no general loss that could be shown (+0.0000 [0.0000, 0.0000])")));
}

TEST(Conclusions, SeveralSeedsAreDrawnAndAveraged) {
  Case c;
  for (int64_t seed : {1, 2, 3}) {
    c.add("plain", 1e-4, seed, model(2.0, 3.2 + 0.1 * static_cast<double>(seed), 25));
    c.add("nlirg", 1e-4, seed, model(2.0, 3.2, 25));
  }
  const Scales scales = c.scales();
  const auto points = rate_points(scales, c.base, c.runs);
  const auto match = match_arms(points);
  const auto found = compare_arms(c.plan.contrasts, scales, points, *match);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].seeds, 3U);
  EXPECT_EQ(found[0].items, static_cast<size_t>(kItems));
  EXPECT_NEAR(found[0].change.difference, -0.2, 1e-12);  // of −0.1, −0.2, −0.3
  // Items hardly vary here, so the ends are those of the mean of three seeds drawn: P(three times the same)
  // is 1/27 = 3.7 %, above 2.5 %.
  EXPECT_NEAR(found[0].change.interval.low, -0.3, 0.004);
  EXPECT_NEAR(found[0].change.interval.high, -0.1, 0.004);
  EXPECT_DOUBLE_EQ(found[0].p_holm, 2 * found[0].change.p);
  EXPECT_EQ(found[1].p_holm, 1);
  EXPECT_THAT(c.findings().sentences, Contains(HasSubstr("3 seeds are few")));
}

TEST(Outcome, TheTableHasALineARun) {
  Case c = two_arms();
  c.add("dft", 5e-4, 1, {});
  c.runs.back().ended = "sick, \"no\" model";
  c.runs[0].steps = 7;
  c.runs[0].tokens = 70;
  c.runs[0].tokens_per_s = 12.5;
  c.runs[0].seconds = 3.25;
  const std::string table = results_csv(c.scales(), c.base, c.runs);
  EXPECT_THAT(table,
              HasSubstr("arm,learning_rate,seed,domain_loss_before,domain_loss_after,general_loss_before,"
                        "general_loss_after,general_accuracy_before,general_accuracy_after,acc_math,rep4,"
                        "end_of_turn,steps,supervised_tokens,tokens_per_s,seconds,ended\n"
                        "plain,0.0001,1,2.5,2.3,3,3,0.75,0.75,0.75,0,1,7,70,12.5,3.25,finished\n"));
  EXPECT_THAT(table, HasSubstr("\ndft,0.0005,1,2.5,,3,,0.75,,,,,0,0,0,0,\"sick, \"\"no\"\" model\"\n"));
}

TEST(Outcome, IsReadBackAndOtherItemsAreRefused) {
  const test::TempDir dir;
  EXPECT_FALSE(read_outcome(dir.path()));
  Case c = two_arms();
  write_outcome(dir.path(), c.runs[1]);
  const auto back = read_outcome(dir.path());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->arm, "plain");
  EXPECT_EQ(back->rate, 2e-4);
  EXPECT_EQ(items_text(back->results), items_text(c.runs[1].results));
  check_same_items(c.base, *back, dir.path());
  c.base[3].content = 99;
  try {
    check_same_items(c.base, *back, dir.path());
    FAIL();
  } catch (const UserError& e) {
    EXPECT_THAT(e.what(), HasSubstr("other items than those that the base model was measured by"));
  }
}

}  // namespace
}  // namespace keel
