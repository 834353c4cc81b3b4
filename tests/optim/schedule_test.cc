#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace keel::test {
namespace {

constexpr double kPeak = 0.5;

double rate(const char* type, int64_t step, OptimOptions options = {.warmup_steps = 4}) {
  options.learning_rate = kPeak;
  options.lr_scheduler_type = type;
  return learning_rate_at(step, 20, options);
}

// The formulas of transformers' schedules, written out: 20 steps, 4 of warm-up.
TEST(Schedule, ValuesOfHuggingFace) {
  for (int64_t step = 0; step <= 25; ++step) {
    const double s = static_cast<double>(std::min<int64_t>(step, 20)), up = s / 4, rest = (s - 4) / 16;
    const bool warm = step < 4;
    EXPECT_DOUBLE_EQ(rate("constant", step), kPeak);
    EXPECT_DOUBLE_EQ(rate("constant_with_warmup", step), kPeak * (warm ? up : 1));
    EXPECT_DOUBLE_EQ(rate("linear", step), kPeak * (warm ? up : (20 - s) / 16)) << step;
    const double half_wave = 0.5 * (1 + std::cos(std::numbers::pi * rest));
    EXPECT_NEAR(rate("cosine", step), kPeak * (warm ? up : half_wave), 1e-16) << step;
    const OptimOptions tenth{.min_lr_ratio = 0.1, .warmup_steps = 4};
    EXPECT_NEAR(rate("cosine", step, tenth), kPeak * (warm ? up : half_wave * 0.9 + 0.1), 1e-16) << step;
    EXPECT_NEAR(rate("linear", step, tenth), kPeak * (warm ? up : (1 - rest) * 0.9 + 0.1), 1e-16) << step;
  }
}

TEST(Schedule, KnownPoints) {
  EXPECT_EQ(rate("cosine", 0), 0);
  EXPECT_EQ(rate("cosine", 2), 0.25);
  EXPECT_EQ(rate("cosine", 4), kPeak);
  EXPECT_NEAR(rate("cosine", 12), 0.25, 1e-16);
  EXPECT_NEAR(rate("cosine", 20), 0, 1e-16);
  EXPECT_EQ(rate("linear", 19), kPeak / 16);
}

TEST(Schedule, WarmupStepsGoBeforeTheRatio) {
  EXPECT_EQ(warmup_steps_of(100, {.warmup_steps = 7, .warmup_ratio = 0.5}), 7);
  EXPECT_EQ(warmup_steps_of(101, {.warmup_ratio = 0.03}), 4);  // 3.03, rounded up
  EXPECT_EQ(warmup_steps_of(50, {.warmup_ratio = 0}), 0);
  EXPECT_EQ(rate("cosine", 0, {.warmup_ratio = 0}), kPeak);
}

TEST(Schedule, ShortAndOverlongRunsStayFinite) {
  const OptimOptions all_warm{.learning_rate = 1, .warmup_steps = 10};
  EXPECT_EQ(learning_rate_at(3, 5, all_warm), 0.3);
  EXPECT_EQ(learning_rate_at(10, 5, all_warm), 1);
  EXPECT_EQ(learning_rate_at(0, 1, {.learning_rate = 1, .warmup_ratio = 0}), 1);
  EXPECT_TRUE(std::isfinite(learning_rate_at(0, 0, {})));
}

TEST(Schedule, UnknownTypeIsAUserErrorThatKnowsBetter) {
  try {
    rate("cosin", 0);
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_EQ(error.text().where, "lr_scheduler_type");
    EXPECT_EQ(error.text().wanted, "one of constant, constant_with_warmup, linear, cosine");
    EXPECT_EQ(error.text().hint, "did you mean \"cosine\"?");
  }
}

}  // namespace
}  // namespace keel::test
