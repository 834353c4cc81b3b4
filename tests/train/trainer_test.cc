// The loop by itself, on a model and rows made here.
#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"

namespace keel {
namespace {

Example row_of(float weight, const std::string& place) {
  return {.ids = {1, 2, 3},
          .weight = {0, weight, weight},
          .turn = {-1, 0, 0},
          .end_of_turn = {0, 0, 0},
          .place = place};
}

TEST(TrainerTest, AStepWithoutASupervisedTokenIsSkippedAndTold) {
  const test::TempDir dir;
  make_folders(dir / "model");
  test::make_tiny_chat_model(dir / "model");
  ChatModel model = load_chat_model(
      {.model = {.model_name_or_path = (dir / "model").string(), .precision = "fp32"}, .train = true});
  Dataset rows{.sources = {"rows"}};
  rows.examples = ExampleSet::of({row_of(1, "a:1"), row_of(0, "a:2"), row_of(0, "a:3"), row_of(1, "a:4")});
  const EvalSets none;
  TrainOptions options;
  options.per_device_train_batch_size = 1;
  const TrainSummary s = train({.model = model,
                                .train_set = rows,
                                .eval_sets = none,
                                .options = options,
                                .optim = {},
                                .loss = {},
                                .run_dir = dir.path(),
                                .save = false});
  EXPECT_EQ(s.total_steps, 4);
  EXPECT_EQ(s.steps, 2);
  EXPECT_EQ(s.skipped, 2);
  EXPECT_THAT(s.warnings,
              testing::ElementsAre(testing::HasSubstr("no supervised token, every one is masked")));
}

}  // namespace
}  // namespace keel
