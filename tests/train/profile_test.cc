#include "train/profile.h"

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <thread>

#include "train/step.h"
#include "train/tiny.h"

namespace keel {
namespace {

double of(const StepProfile::Totals& totals, Work kind) { return totals.seconds[static_cast<size_t>(kind)]; }

void work(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

TEST(Profile, AMomentCountsForTheInnermostKindAndWhatIsAsideForNone) {
  const Stopwatch clock;
  StepProfile profile;
  {
    RECORD_USER_SCOPE("keel::model");
    work(20);
    {
      RECORD_USER_SCOPE("keel::attention");
      work(30);
      {
        RECORD_USER_SCOPE("a scope that is no kind");
        at::mm(at::ones({2, 2}), at::ones({2, 2}));
        work(10);
      }
    }
    at::mm(at::ones({64, 64}), at::ones({64, 64}));
  }
  {
    RECORD_USER_SCOPE("keel::aside");
    work(50);
  }
  const StepProfile::Totals totals = profile.totals();
  const double elapsed = clock.seconds();
  EXPECT_GE(of(totals, Work::kElementwise), 0.020);
  EXPECT_GE(of(totals, Work::kAttention), 0.040) << "with the product inside of it";
  EXPECT_GT(of(totals, Work::kProducts), 0);
  EXPECT_GE(of(totals, Work::kAside), 0.050);
  EXPECT_EQ(of(totals, Work::kHead), 0);
  EXPECT_LE(totals.all_seconds() + of(totals, Work::kAside), elapsed + 1e-9) << "nothing counts twice";
  EXPECT_GE(totals.all_seconds() + of(totals, Work::kAside), 0.110);
}

TEST(Profile, OfAStepEveryKindOfWorkIsSeenAndTheFirstStepsAreForgotten) {
  test::Tiny tiny("llama");
  AdamW optimiser(test::trained(*tiny.model), {});
  Step step(*tiny.model, optimiser, {.loss = {.token_weighting = "none"}});
  StepProfile profile;
  const std::vector<Batch> micro{tiny.batch({0, 1})};
  for (int i = 0; i < 5; ++i) {
    profile.begin_step(micro);
    step.run(micro, {.learning_rate = 1e-3});
  }
  const StepProfile::Totals totals = profile.totals();
  EXPECT_EQ(totals.steps, 5 - StepProfile::kWarmUp);
  EXPECT_EQ(totals.tokens, totals.steps * micro[0].tokens());
  EXPECT_EQ(totals.supervised, totals.steps * micro[0].supervised());
  int64_t pairs = 0;
  for (const Json& length : tiny.golden["segment_lengths"])
    pairs += length.get<int64_t>() * (length.get<int64_t>() + 1) / 2;
  EXPECT_EQ(totals.pairs, totals.steps * pairs);
  for (const Work kind :
       {Work::kProducts, Work::kAttention, Work::kHead, Work::kElementwise, Work::kOptimiser})
    EXPECT_GT(of(totals, kind), 0) << kWorkNames[static_cast<size_t>(kind)];
  EXPECT_EQ(of(totals, Work::kData), 0) << "the batch was there";
}

TEST(Profile, NothingIsCountedOnceItIsGone) {
  {
    const StepProfile profile;
    EXPECT_TRUE(at::hasThreadLocalCallbacks());
  }
  EXPECT_FALSE(at::hasThreadLocalCallbacks()) << "steps without a profile pay nothing";
}

TEST(Profile, TellsTheLargestFirstWithoutWhatIsAside) {
  StepProfile::Totals totals;
  totals.seconds[static_cast<size_t>(Work::kHead)] = 1;
  totals.seconds[static_cast<size_t>(Work::kProducts)] = 2.5;
  totals.seconds[static_cast<size_t>(Work::kData)] = 0.5;
  totals.seconds[static_cast<size_t>(Work::kAside)] = 9;
  totals.steps = 2;
  totals.tokens = 400;
  EXPECT_EQ(in_words(totals),
            "products 62.5 %, head 25.0 %, data 12.5 %, rest 0.0 %, attention 0.0 %, elementwise 0.0 %, "
            "optimiser 0.0 %");
  const Json json = to_json(totals);
  EXPECT_EQ(json["seconds"], 4.0);
  EXPECT_EQ(json["tokens_per_s"], 100.0);
  EXPECT_EQ(json["seconds_by_work"]["aside"], 9.0);
}

}  // namespace
}  // namespace keel
