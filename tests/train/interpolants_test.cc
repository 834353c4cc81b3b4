#include "train/interpolants.h"

#include <gtest/gtest.h>

#include <vector>

namespace keel {
namespace {

EvalOutcome losses(double domain, double general) { return {.domain = domain, .general = general}; }

const EvalOutcome kBefore = losses(3, 2);

std::vector<Interpolant> models() {
  return {{.share = 1, .outcome = losses(1, 2.4)},
          {.share = 0.5, .outcome = losses(2, 1.9)},
          {.share = 0.8, .outcome = losses(1.2, 2.05)},
          {.share = 0.9, .outcome = losses(1.05, 2.1)}};
}

TEST(BestInterpolant, HasTheLeastGeneralLossAmongThoseThatKeepTheGain) {
  EXPECT_EQ(best_interpolant(kBefore, models(), 0.98), 0u);
  EXPECT_EQ(best_interpolant(kBefore, models(), 0.97), 3u);
  EXPECT_EQ(best_interpolant(kBefore, models(), 0.9), 2u);
  EXPECT_EQ(best_interpolant(kBefore, models(), 0), 1u);
  EXPECT_DOUBLE_EQ(gain_kept(kBefore, models()[2].outcome, models()[0].outcome), 0.9);
}

TEST(BestInterpolant, IsTheTrainedModelWhereNoneForgetsLess) {
  auto all = models();
  all.front().outcome.general = 1;
  EXPECT_EQ(best_interpolant(kBefore, all, 0), 0u);
}

TEST(BestInterpolant, IsTheTrainedModelWhenItHasLearnedNothing) {
  auto all = models();
  all.front().outcome.domain = 3;
  EXPECT_EQ(best_interpolant(kBefore, all, 0), 0u);
}

}  // namespace
}  // namespace keel
