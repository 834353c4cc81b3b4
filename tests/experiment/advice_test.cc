// The rules of keel advise, a branch each, and the figures they decide by on rows whose answer is known.
#include "experiment/advice.h"

#include <gmock/gmock.h>

#include <cmath>

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Figures that no caution is about, of a base that gives the labels this probability on average.
Familiarity seen_with(double probability) {
  return {.rows = 64,
          .tokens = 4000,
          .loss = 1.5,
          .probability = probability,
          .half = 0.5,
          .sure = 0.3,
          .replies = 64,
          .first_loss = 1,
          .rest_loss = 1,
          .ends = 64,
          .end_loss = 0.1,
          .end_half = 0.9};
}

RunShape usual_run() {
  return {.parameters = 135'000'000,
          .vocabulary = 49'152,
          .rows = 500,
          .steps = 120,
          .epochs = 1,
          .supervised_per_step = 400,
          .watches = true,
          .validates = true};
}

std::vector<std::string> codes(const Advice& advice) {
  std::vector<std::string> out;
  for (const Caution& c : advice.cautions) out.push_back(c.code);
  return out;
}

std::vector<std::string> codes(const Familiarity& f, const RunShape& run = usual_run()) {
  return codes(advise(f, run));
}

TEST(Advice, AStrongBaseGetsALossThatTrustsIt) {
  const Advice a = advise(seen_with(kKnownWell), usual_run());
  EXPECT_EQ(a.known, Known::well);
  EXPECT_THAT(a.known_why, HasSubstr("probability of 70.0 % on average"));
  EXPECT_EQ(a.token_weighting, "dft");
  EXPECT_THAT(a.also_try, ElementsAre("none", "eaft", "infosft"));
  EXPECT_THAT(a.weighting_why,
              HasSubstr("nlirg, which is the default when nothing is said, has no published"));
  EXPECT_EQ(a.epochs, 1);
  EXPECT_FALSE(a.protect);
  EXPECT_THAT(a.protect_why, HasSubstr("A gentle rate"));
  EXPECT_THAT(codes(a), ElementsAre());
}

TEST(Advice, InBetweenPlainComesFirst) {
  for (const double p : {kKnownHardly, kKnownWell - 1e-9}) {
    const Advice a = advise(seen_with(p), usual_run());
    EXPECT_EQ(a.known, Known::partly);
    EXPECT_EQ(a.token_weighting, "none");
    EXPECT_THAT(a.also_try, ElementsAre("eaft"));
    EXPECT_EQ(a.epochs, 2);
    EXPECT_FALSE(a.protect);
  }
}

TEST(Advice, NewDataAreTrainedPlainlyDeeplyAndProtected) {
  const Advice a = advise(seen_with(kKnownHardly - 1e-9), usual_run());
  EXPECT_EQ(a.known, Known::hardly);
  EXPECT_EQ(a.token_weighting, "none");
  EXPECT_THAT(a.also_try, ElementsAre());
  EXPECT_EQ(a.epochs, 4);
  EXPECT_TRUE(a.protect);
  EXPECT_THAT(a.protect_why, HasSubstr("New data take a run that goes deep"));
}

TEST(Advice, PlainTextIsTrainedPlainlyEvenWhenItIsKnown) {
  RunShape run = usual_run();
  run.texts = true;
  Familiarity f = seen_with(0.9);
  f.ends = 0;
  const Advice a = advise(f, run);
  EXPECT_EQ(a.token_weighting, "none");
  EXPECT_THAT(a.weighting_why, HasSubstr("On plain text"));
  EXPECT_EQ(a.epochs, 1);
  EXPECT_EQ(advise(seen_with(0.2), run).epochs, 2);
  EXPECT_THAT(codes(a), ElementsAre());  // texts have no end of turn to miss
}

TEST(Advice, RatesFollowSizeNoveltyTuningAndWindows) {
  const auto rates = [](double probability, int64_t parameters, bool lora, int64_t token_batch = 0) {
    RunShape run = usual_run();
    run.parameters = parameters, run.lora = lora, run.token_batch = token_batch;
    return advise(seen_with(probability), run).rates;
  };
  EXPECT_THAT(rates(0.6, 135'000'000, false), ElementsAre(3e-5, 1e-4, 3e-4));
  EXPECT_THAT(rates(0.6, 1'000'000'000, false), ElementsAre(2e-5, 5e-5, 2e-4));
  EXPECT_THAT(rates(0.6, 7'000'000'000, false), ElementsAre(7e-6, 2e-5, 6e-5));
  EXPECT_THAT(rates(0.6, 70'000'000'000, false), ElementsAre(3e-6, 1e-5, 3e-5));
  EXPECT_THAT(rates(0.8, 135'000'000, false), ElementsAre(2e-5, 5e-5, 2e-4));
  EXPECT_THAT(rates(0.6, 7'000'000'000, true), ElementsAre(7e-5, 2e-4, 6e-4));
  EXPECT_THAT(rates(0.6, 135'000'000, false, 10), ElementsAre(3e-6, 1e-5, 3e-5));
  // The largest are cut off at what seldom holds.
  EXPECT_THAT(rates(0.1, 135'000'000, false), ElementsAre(7e-5, 2e-4, 5e-4));
  EXPECT_THAT(rates(0.1, 135'000'000, true), ElementsAre(7e-4, 2e-3));
}

TEST(Advice, ReasonsForRatesAreSaid) {
  RunShape run = usual_run();
  run.lora = true;
  EXPECT_THAT(
      advise(seen_with(0.2), run).rates_why,
      HasSubstr("Begun from 1e-4 for full tuning of a model of 135 M parameters, twice that because the "
                "data are new, ten times that for LoRA"));
  EXPECT_THAT(advise(seen_with(0.9), run).rates_why,
              HasSubstr("half of that because there is little to change"));
}

TEST(Advice, RatesAreWrittenShortly) {
  EXPECT_EQ(rate_text(2e-4), "2e-4");
  EXPECT_EQ(rate_text(7e-6), "7e-6");
}

TEST(Advice, ManyPassesAskForProtection) {
  RunShape run = usual_run();
  run.epochs = kDeepEpochs;
  const Advice a = advise(seen_with(0.8), run);
  EXPECT_TRUE(a.protect);
  EXPECT_THAT(a.protect_why, HasSubstr("3 passes go deep"));
  run.protects = true;
  EXPECT_THAT(advise(seen_with(0.8), run).protect_why, HasSubstr("has kl_replay already"));
}

TEST(Advice, WithoutGeneralTextNothingTellsWhatIsForgotten) {
  RunShape run = usual_run();
  EXPECT_THAT(advise(seen_with(0.6), run).watch_why, HasSubstr("general_dataset is there"));
  run.watches = false;
  EXPECT_THAT(advise(seen_with(0.6), run).watch_why, HasSubstr("Name a general_dataset"));
}

TEST(Advice, SurpriseAtTheBeginningOfRepliesIsStyle) {
  Familiarity f = seen_with(0.6);
  f.first_loss = 5, f.rest_loss = 1.2;
  EXPECT_THAT(advise(f, usual_run()).known_why, HasSubstr("loss 5.00 against 1.20"));
  f.first_loss = 2.3;
  EXPECT_THAT(advise(f, usual_run()).known_why, Not(HasSubstr("style")));
}

TEST(Advice, CautionsOfTheBase) {
  Familiarity f = seen_with(0.6);
  f.zones[3] = kHopelessShare;
  EXPECT_THAT(codes(f), ElementsAre("hopeless_tokens"));
  f = seen_with(0.95);
  f.sure = kNothingLeft;
  EXPECT_THAT(codes(f), ElementsAre("nothing_to_learn"));
  f = seen_with(0.0001);
  f.loss = std::log(49'152.0);
  EXPECT_THAT(codes(f), ElementsAre("guessing"));
}

TEST(Advice, CautionsOfEndsOfTurn) {
  Familiarity f = seen_with(0.6);
  f.end_half = 0.01, f.end_loss = 7;
  EXPECT_THAT(codes(f), ElementsAre("never_ends"));
  EXPECT_THAT(advise(f, usual_run()).cautions[0].text, HasSubstr("mean loss 7.00"));
  f.ends = 0;
  EXPECT_THAT(codes(f), ElementsAre("no_end"));
}

TEST(Advice, CautionsOfTheAmount) {
  RunShape run = usual_run();
  run.rows = kFewRows - 1;
  EXPECT_THAT(codes(seen_with(0.6), run), ElementsAre("few_rows"));
  EXPECT_THAT(advise(seen_with(0.6), run).cautions[0].text, HasSubstr("49 rows to train are few"));
  run = usual_run();
  run.steps = kFewSteps - 1;
  EXPECT_THAT(codes(seen_with(0.6), run), ElementsAre("few_steps"));
  run = usual_run();
  run.validates = false;
  EXPECT_THAT(codes(seen_with(0.6), run), ElementsAre("no_validation"));
  Familiarity f = seen_with(0.6);
  f.tokens = kFewTokens - 1;
  EXPECT_THAT(codes(f), ElementsAre("small_sample"));
}

// Two replies, of which the second has one token and its end; a loss stands at the place of its prediction.
TEST(Familiarity, CountsFirstTokensEndsAndZones) {
  const Example row{.ids = {9, 9, 1, 2, 3, 9, 4, 5},
                    .weight = {0, 0, 1, 1, 1, 0, 0.5, 1},
                    .turn = {-1, -1, 0, 0, 0, -1, 1, 1},
                    .end_of_turn = {0, 0, 0, 0, 1, 0, 0, 1}};
  RowSignals signals{
      .example = &row, .nll = {0, 3, 0.05F, 0.5F, 0, 7, 16, 0}, .entropy = {0, 1, 2, 3, 0, 4, 5, 0}};
  FamiliarityMeter meter;
  meter.add(signals);
  const Familiarity f = meter.result();
  EXPECT_EQ(f.rows, 1);
  EXPECT_EQ(f.tokens, 5);
  EXPECT_EQ(f.replies, 2);
  EXPECT_EQ(f.ends, 2);
  EXPECT_DOUBLE_EQ(f.tokens_per_reply(), 2.5);
  constexpr double kFloat = 1e-6;  // losses are floats of this size: a rounding of 1e-7 of each
  EXPECT_NEAR(f.loss, (3 + 0.05 + 0.5 + 7 + 16) / 5, kFloat);
  EXPECT_DOUBLE_EQ(f.median_loss, 3);
  EXPECT_DOUBLE_EQ(f.entropy, 3);
  EXPECT_DOUBLE_EQ(f.first_loss, 5);  // 3 and 7
  EXPECT_NEAR(f.rest_loss, 0.05, kFloat);
  EXPECT_NEAR(f.end_loss, 8.25, kFloat);
  EXPECT_DOUBLE_EQ(f.end_half, 0.5);  // e^-0.5 is 0.61
  EXPECT_DOUBLE_EQ(f.half, 0.4);
  EXPECT_DOUBLE_EQ(f.sure, 0.2);
  EXPECT_NEAR(f.probability,
              (std::exp(-3) + std::exp(-0.05) + std::exp(-0.5) + std::exp(-7) + std::exp(-16)) / 5, kFloat);
  EXPECT_THAT(f.zones, ElementsAre(0.4, 0.2, 0.2, 0.2));
}

TEST(Familiarity, OfNothingIsZero) {
  const Familiarity f = FamiliarityMeter().result();
  EXPECT_EQ(f.tokens, 0);
  EXPECT_EQ(f.loss, 0);
  EXPECT_EQ(f.tokens_per_reply(), 0);
}

}  // namespace
}  // namespace keel
