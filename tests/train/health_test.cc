// What is judged sick, with numbers worked out by hand.
#include "train/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "train/moments.h"
#include "train/rates.h"
#include "train/tiny.h"

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Reading reading_at(int64_t step, double nll, double norm = 1) {
  return {.step = step,
          .learning_rate = 1e-3,
          .rows = "a.jsonl:7, a.jsonl:9",
          .nll = nll,
          .grad_norm = norm,
          .weight = 1,
          .supervised = 4};
}

// Losses 1.9 and 2.1 in turn (mean 2, deviation 0.1), norms 0.5 and 2 (logarithms: mean 0, deviation ln 2).
Health steady(const HealthOptions& options, int64_t steps = Health::kSpikeWarmUp) {
  Health health(options, {});
  for (int64_t i = 1; i <= steps; ++i) {
    const bool odd = i % 2 == 1;
    EXPECT_TRUE(health.accepts(reading_at(i, odd ? 1.9 : 2.1, odd ? 0.5 : 2)));
  }
  return health;
}

TEST(MomentsTest, ThreeNumbersByHand) {
  Moments m;
  for (const double x : {1.0, 2.0, 3.0}) add(m, x);
  EXPECT_DOUBLE_EQ(m.mean, 2);
  EXPECT_DOUBLE_EQ(m.variance, 2.0 / 3);
  EXPECT_DOUBLE_EQ(z_of(m, 4, 0), 2 / std::sqrt(2.0 / 3));
  EXPECT_DOUBLE_EQ(z_of(m, 4, 4), 0.5);
}

TEST(MomentsTest, FadingNumbersByHand) {
  Moments m;
  for (const double x : {1.0, 3.0, 6.0}) add(m, x, 2);  // the third counts a half, as the second did
  EXPECT_DOUBLE_EQ(m.mean, 4);
  EXPECT_DOUBLE_EQ(m.variance, 0.5 * (1 + 0.5 * 16));
}

TEST(HealthTest, ALossSixDeviationsUpIsASpike) {
  for (const auto& [loss, spikes] : {std::pair{2.59, 0}, {2.61, 1}}) {
    Health health = steady({});
    EXPECT_TRUE(health.accepts(reading_at(21, loss)));
    EXPECT_EQ(health.memory().spikes, spikes) << loss;
  }
  Health low = steady({});
  low.accepts(reading_at(21, 0.1));
  EXPECT_EQ(low.memory().spikes, 0);
}

TEST(HealthTest, ANormSixDeviationsUpInItsLogarithmIsASpike) {
  for (const auto& [exponent, spikes] : {std::pair{5.9, 0}, {6.1, 1}}) {
    Health health = steady({});
    EXPECT_TRUE(health.accepts(reading_at(21, 2, std::exp2(exponent))));
    EXPECT_EQ(health.memory().spikes, spikes) << exponent;
  }
}

TEST(HealthTest, SkipLeavesItOutAndOffDoesNotLook) {
  Health skip = steady({.loss_spike = "skip"}), off = steady({.loss_spike = "off"});
  EXPECT_FALSE(skip.accepts(reading_at(21, 9)));
  EXPECT_TRUE(skip.accepts(reading_at(22, 2)));
  EXPECT_TRUE(off.accepts(reading_at(21, 9)));
  EXPECT_EQ(off.memory().spikes, 0);
}

TEST(HealthTest, NothingIsASpikeDuringTheWarmUp) {
  Health health = steady({}, Health::kSpikeWarmUp - 1);
  health.accepts(reading_at(20, 90));
  EXPECT_EQ(health.memory().spikes, 0);
}

TEST(HealthTest, ASpikeIsTakenInAsFarAsTheLimit) {
  Health health = steady({});
  health.accepts(reading_at(21, 1e9));
  EXPECT_NEAR(health.memory().loss.mean, 2 + 0.6 / 21, 1e-12);
  int64_t spikes = 1;
  for (int64_t step = 22; step < 60; ++step) {  // a new level
    health.accepts(reading_at(step, 4));
    if (health.memory().spikes > spikes) spikes = health.memory().spikes;
  }
  EXPECT_GE(spikes, 2);
  EXPECT_LE(spikes, 8);  // each makes the deviation larger by more than a quarter
}

TEST(HealthTest, ATinyDeviationIsNotBelievedIn) {
  Health health({}, {});
  for (int64_t i = 1; i <= 30; ++i) health.accepts(reading_at(i, 0.001));
  health.accepts(reading_at(31, 0.05, 1.7));  // below 0.001 + 6 · 0.01 and e^(6 · 0.1) = 1.82
  EXPECT_EQ(health.memory().spikes, 0);
  health.accepts(reading_at(32, 0.05, 1.9));
  EXPECT_EQ(health.memory().spikes, 1);
}

TEST(HealthTest, ASpikeIsToldWithItsNumbersAndRows) {
  Health health = steady({});
  health.accepts(reading_at(21, 3));
  EXPECT_THAT(health.warnings(),
              ElementsAre("step 21: a spike: loss per token 3, usually 2 (z 10.0); its update is made\n"
                          "  rows:   a.jsonl:7, a.jsonl:9\n"
                          "  likely: bad rows, or a learning_rate that is too high\n"
                          "  try:    look at these rows; loss_spike: skip; a lower learning_rate"));
  Health both = steady({.loss_spike = "skip"});
  both.accepts(reading_at(21, 3, 1024));
  both.accepts(reading_at(22, 9));
  EXPECT_THAT(
      both.warnings(),
      ElementsAre("step 21: a spike: loss per token 3, usually 2 (z 10.0); gradient norm 1024, usually 1 "
                  "(z 10.0); its update is left out\n"
                  "  rows:   a.jsonl:7, a.jsonl:9\n"
                  "  likely: bad rows, or a learning_rate that is too high\n"
                  "  try:    look at these rows; a lower learning_rate\n"
                  "  in all: 2 steps with a spike"));
}

TEST(HealthTest, ANewStageLearnsAnewWhatIsUsual) {
  Health health = steady({});
  health.begin_stage();
  health.accepts(reading_at(21, 9));
  EXPECT_EQ(health.memory().spikes, 0);
}

TEST(HealthTest, ARowsNumbersThatAreNoneAreNotJudged) {
  Health health = steady({});
  health.accepts(reading_at(21, std::numeric_limits<double>::infinity(), 0));
  EXPECT_EQ(health.memory().spikes, 0);
  EXPECT_EQ(health.memory().loss.count, Health::kSpikeWarmUp);
}

TEST(HealthTest, FiveBadUpdatesInARowAreSickAndAFiniteOneEndsThem) {
  Health health({}, {});
  for (int64_t step = 1; step <= 4; ++step) health.note_bad({.step = step, .loss = NAN});
  EXPECT_TRUE(health.in_streak());
  EXPECT_FALSE(health.sick());
  health.note_finite(5);
  EXPECT_FALSE(health.in_streak());
  EXPECT_EQ(health.memory().finite_step, 5);
  for (int64_t step = 6; step <= 9; ++step) health.note_bad({.step = step, .loss = NAN});
  EXPECT_FALSE(health.sick());
  health.note_bad({.step = 10, .loss = NAN});
  EXPECT_TRUE(health.sick());
  EXPECT_EQ(health.streak().front().step, 6);
}

TEST(HealthTest, HopelessTokensAreToldOnce) {
  Health health({}, {});
  Reading r = reading_at(1, 20);
  r.hopeless = 0.95;
  for (; r.step <= 2; ++r.step) health.accepts(r);
  EXPECT_THAT(health.warnings(), IsEmpty());
  Reading fine = reading_at(3, 2);
  health.accepts(fine);
  for (r.step = 4; r.step <= 12; ++r.step) health.accepts(r);
  EXPECT_THAT(
      health.warnings(),
      ElementsAre("step 6: 95 % of the supervised tokens have a loss of 15 or more, 3 steps in a row\n"
                  "  likely: the chat template or the tokenizer is not the one that the model was made "
                  "with\n"
                  "  try:    keel data preview shows what is trained; template, chat_template"));
}

TEST(HealthTest, TokensWithoutWeightAreTold) {
  Health health({}, {});
  Reading r = reading_at(1, 17.25);
  r.weight = 0;
  for (; r.step <= 3; ++r.step) health.accepts(r);
  EXPECT_THAT(
      health.warnings(),
      ElementsAre(
          "step 3: every supervised token has token weight 0, 3 steps in a row: nothing is learned\n"
          "  likely: token_weighting gives none to such losses (mean 17.2; nlirg: nlirg_loss_deadline)\n"
          "  try:    token_weighting: none shows whether the loss falls at all"));
}

TEST(HealthTest, AStepWithoutALabelIsTold) {
  Health health({}, {});
  health.no_labels(3, "a.jsonl:7");
  health.no_labels(4, "a.jsonl:8");
  EXPECT_THAT(health.warnings(),
              ElementsAre("step 3: no supervised token, every one is masked; the step was skipped\n"
                          "  rows:   a.jsonl:7\n"
                          "  likely: train_on, or weights of 0 of rows and messages\n"
                          "  try:    keel data preview shows what is trained"));
}

TEST(HealthTest, APlanWithoutALearningRateIsTold) {
  Health health({}, {});
  health.no_rate(0, true, 0);
  health.no_rate(1, false, 1e-5);
  EXPECT_THAT(health.warnings(),
              ElementsAre("learning_rate: it is 0 in every step of the run, so nothing is learned there\n"
                          "  likely: learning_rate is 0\n"
                          "  try:    learning_rate: 2e-5",
                          "learning_rate: it is 0 in every step of stage 2, so nothing is learned there\n"
                          "  likely: its only steps are warm-up\n"
                          "  try:    more steps, or warmup_ratio: 0"));
}

// 100 losses around `early` and `later` ones around `late`, off by ± noise in turn.
std::vector<std::string> told_of(double early, double late, double noise, int64_t later = 100) {
  Health health({.loss_spike = "off", .trained = 64, .parameters = 30'000}, {});
  for (int64_t i = 1; i <= Health::kEarly + later; ++i)
    health.accepts(reading_at(i, (i <= Health::kEarly ? early : late) + (i % 2 == 0 ? noise : -noise)));
  return health.warnings();
}

TEST(HealthTest, ALossThatDoesNotMoveIsTold) {
  EXPECT_THAT(
      told_of(2, 2.001, 0.01),
      ElementsAre("step 200: the training loss does not move: 2 per token in 100 steps, 2.001 in the 100 "
                  "after them\n"
                  "  likely: a learning_rate that is too small, freeze patterns that leave too little "
                  "(trained: 64 of 30,000 values), or data that the model knows already\n"
                  "  try:    ten times the learning_rate; look at freeze"));
}

TEST(HealthTest, WhereTheNoiseCouldHideAMovementNothingIsTold) {
  // Standard error of the difference √(2 · 0.1² / 100) = 0.0141; twice that is above 0.01 · 2.
  EXPECT_THAT(told_of(2, 2, 0.1), IsEmpty());
  // With four times the later steps √(0.1² · (1/100 + 1/400)) = 0.0112: 0.0224, still above.
  EXPECT_THAT(told_of(2, 2, 0.1, 400), IsEmpty());
  EXPECT_THAT(told_of(2, 2, 0.05), testing::SizeIs(1));  // 0.0141 is below
}

TEST(HealthTest, ALossThatMovedIsNotToldWhenItComesBack) {
  Health health({.loss_spike = "off"}, {});
  int64_t step = 0;
  const auto go = [&](int64_t steps, double loss) {
    for (int64_t i = 0; i < steps; ++i) health.accepts(reading_at(++step, loss));
  };
  go(100, 2);
  go(100, 2.1);
  go(100, 1.9);  // the mean of the later 200 is 2
  EXPECT_THAT(health.warnings(), IsEmpty());
}

TEST(HealthTest, StepsOfRateZeroDoNotCountAsNotMoving) {
  Health health({.loss_spike = "off"}, {});
  Reading r = reading_at(1, 2);
  r.learning_rate = 0;
  for (; r.step <= 400; ++r.step) health.accepts(r);
  health.judge_evaluation(2, 2);
  EXPECT_THAT(health.warnings(), IsEmpty());
}

TEST(HealthTest, AnEvaluationThatDoesNotMoveIsTold) {
  const auto told = [](int64_t steps, double before, double now) {
    Health health({}, {});
    for (int64_t i = 1; i <= steps; ++i) health.accepts(reading_at(i, 2));
    health.judge_evaluation(before, now);
    return health.warnings();
  };
  EXPECT_THAT(told(19, 2, 2), IsEmpty());
  EXPECT_THAT(told(20, 2, 2.0003), IsEmpty());
  EXPECT_THAT(told(20, 2, std::numeric_limits<double>::quiet_NaN()), IsEmpty());
  EXPECT_THAT(told(20, 2, 2.0001),
              ElementsAre(HasSubstr("the validation loss does not move: 2 before training, 2.0001 now\n")));
}

TEST(ReadingTest, WindowsAreMixedByTheirTokens) {
  const auto outcome = [](double nll, double norm, std::vector<float> losses) {
    const auto n = static_cast<int64_t>(losses.size());
    return StepOutcome{.nll = nll,
                       .weight = 0.5,
                       .grad_norm = norm,
                       .supervised = n,
                       .zones = loss_zones(at::tensor(losses), at::ones({n}))};
  };
  Reading r;
  add(r, outcome(2, 1, {1, 1, 20}));
  add(r, outcome(6, 5, {6}));
  EXPECT_DOUBLE_EQ(r.nll, 3);
  EXPECT_DOUBLE_EQ(r.grad_norm, 2);
  EXPECT_DOUBLE_EQ(r.weight, 0.5);
  EXPECT_DOUBLE_EQ(r.hopeless, 0.25);
}

TEST(ReadingTest, AFewRowsAreNamed) {
  std::vector<Example> rows;
  for (int i = 1; i <= 5; ++i) rows.push_back({.place = "a:" + std::to_string(i)});
  const std::vector<Batch> micro{{.examples = {&rows[0], &rows[1]}},
                                 {.examples = {&rows[2], &rows[3], &rows[4]}}};
  EXPECT_EQ(named_rows(micro), "a:1, a:2, a:3 and 2 more");
  EXPECT_EQ(named_rows(std::span(micro).first(1)), "a:1, a:2");
}

TEST(RatesTest, StagesWhoseEveryStepHasRateZeroAreFound) {
  const auto idle = [](std::vector<MixStage> stages, const OptimOptions& optim) {
    return stages_without_rate(Sampler({5, 5, 5, 5}, {.epochs = 1}, std::move(stages)), optim);
  };
  EXPECT_THAT(idle({MixStage{}}, {}), IsEmpty());
  EXPECT_THAT(idle({MixStage{}}, {.learning_rate = 0}), ElementsAre(0));
  EXPECT_THAT(idle({MixStage{.max_steps = 1}}, {}), ElementsAre(0));  // it is the warm-up
  EXPECT_THAT(idle({MixStage{}, MixStage{.learning_rate = 0}}, {}), ElementsAre(1));
}

// The second step equals the second of a run that never met the refused batch.
TEST(StepJudge, ARefusedUpdateLeavesWeightsAndMoments) {
  test::Tiny refused("llama"), plain("llama");
  AdamW of_refused(test::trained(*refused.model), {}), of_plain(test::trained(*plain.model), {});
  Step a(*refused.model, of_refused, {}), b(*plain.model, of_plain, {});
  const StepRates rates{.learning_rate = 1e-2};
  const auto one = [](test::Tiny& tiny, size_t member) { return std::vector{tiny.batch({member})}; };
  EXPECT_TRUE(a.run(one(refused, 0), rates).updated);
  EXPECT_FALSE(a.run(one(refused, 1), rates, [](const StepOutcome&) { return false; }).updated);
  b.run(one(plain, 0), rates);
  for (int i = 0; i < 2; ++i) {
    const StepOutcome x = a.run(one(refused, 0), rates), y = b.run(one(plain, 0), rates);
    EXPECT_EQ(x.loss, y.loss);
    EXPECT_EQ(x.grad_norm, y.grad_norm);
  }
}

}  // namespace
}  // namespace keel
