#include "train/disk_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

constexpr int64_t kMegabyte = 1'000'000;
constexpr SaveSizes kSizes{.weights = 10 * kMegabyte, .optimiser = 30 * kMegabyte};

DiskPlan plan_of(const TrainOptions& options, int64_t done = 0, bool evaluates = true) {
  const Sampler sampler(std::vector<int64_t>(8, 5), {.batch_size = 2, .epochs = 3});  // 4 steps an epoch
  return disk_plan(sampler, options, done, evaluates);
}

TEST(DiskPlan, CountsWhatTheStepsLeftWillWrite) {
  TrainOptions options{.save_steps = 5, .checkpoint_epoch = {"0", "2", "7"}};
  EXPECT_EQ(plan_of(options).checkpoints, 2);  // behind 5 and 10 of 12; the end is the model
  EXPECT_EQ(plan_of(options).epochs, 2);
  EXPECT_EQ(plan_of(options, 5).checkpoints, 1);
  EXPECT_EQ(plan_of(options, 5).epochs, 1);
  options.save_steps = 0;
  EXPECT_EQ(plan_of(options).checkpoints, 2);  // behind two of three epochs
  EXPECT_TRUE(plan_of(options).best);
  EXPECT_FALSE(plan_of(options, 0, false).best);
  options.load_best_model_at_end = false;
  EXPECT_FALSE(plan_of(options).best);
}

TEST(DiskPlan, TheMostIsThatOfTheFullestMoment) {
  const auto most = [](const DiskPlan& plan) { return plan.most_bytes(kSizes) / kMegabyte; };
  EXPECT_EQ(most({}), 10);                                  // the model alone
  EXPECT_EQ(most({.best = true}), 20);                      // a better one beside the best
  EXPECT_EQ(most({.checkpoints = 1, .keep = 0}), 50);       // then the model beside it
  EXPECT_EQ(most({.checkpoints = 2, .keep = 0}), 80);       // the second beside the first
  EXPECT_EQ(most({.checkpoints = 9, .keep = 2}), 40 + 90);  // four folders, three of them with state
  EXPECT_EQ(most({.checkpoints = 3, .keep = 2}),
            30 + 90);  // the third beside two
  EXPECT_EQ(most({.checkpoints = 9, .keep = 2, .epochs = 2, .best = true}), 40 + 90 + 20 + 10);
}

TEST(DiskPlan, TooLittleRoomIsRefused) {
  const test::TempDir dir;
  const DiskPlan plan{.checkpoints = 9, .keep = 2, .epochs = 1, .best = true};
  const int64_t most = plan.most_bytes(kSizes);
  check_disk(dir.path(), plan, kSizes, most);
  EXPECT_EQ(test::error_of([&] { check_disk(dir.path(), plan, kSizes, most - kMegabyte); }),
            dir.path().string() +
                ": 149 MB free on its disk\n"
                "  wanted: 150 MB for what the run keeps at once: a model of 10 MB, 3 checkpoints of 40 MB, "
                "1 more for checkpoint_epoch, the best model, and the newest of them while it is written\n"
                "  try:    free space, choose another output_dir, or keep less: save_total_limit, "
                "checkpoint_epoch, load_best_model_at_end: false");
}

TEST(DiskPlan, WhatIsReplacedIsRoomToo) {
  const test::TempDir dir;
  write_file(dir / "checkpoints/step-000001/model.safetensors", std::string(40 * kMegabyte, 'x'));
  const DiskPlan plan{.checkpoints = 9, .keep = 0};
  check_disk(dir.path(), plan, kSizes, 40 * kMegabyte);
  EXPECT_THROW(check_disk(dir.path(), plan, kSizes, 40 * kMegabyte - 1), UserError);
}

}  // namespace
}  // namespace keel
