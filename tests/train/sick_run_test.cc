// A run that is no longer finite: where it goes back to, and what it says.
#include "train/sick_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/fs.h"
#include "checkpoint/checksums.h"
#include "checkpoint/run_state.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();

class SickRunTest : public testing::Test {
 protected:
  SickRunTest() {
    memory_.step = 9;
    memory_.last_loss = 2.5;
    memory_.precision = "fp32 on cpu";
    memory_.health.finite_step = 4;
    for (int64_t step = 5; step <= 9; ++step)
      streak_.push_back(
          {.step = step, .loss = step == 5 ? 3 : NAN, .grad_norm = kInf, .learning_rate = 1e-3});
  }

  SickRun run() const {
    return {.memory = memory_,
            .streak = streak_,
            .quarantined = 2,
            .learning_rate = 1e-3,
            .run_dir = dir_ / "run"};
  }

  void write_checkpoint(int64_t step) const {
    const fs::path dir = dir_ / "run/checkpoints" / checkpoint_name(step);
    make_folders(dir);
    write_run_state(dir, {.trainer = {{"step", step}}, .optimizer = {{"x", at::ones({1})}}});
    write_checksums(dir);
  }

  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_ / "run/checkpoints"))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string stop() const {
    try {
      stop_sick_run(run());
    } catch (const UserError& e) {
      return e.what();
    }
  }

  test::TempDir dir_;
  RunMemory memory_;
  std::vector<BadUpdate> streak_;
};

// The update of step 4 was made from a finite loss, but what came out of it was never seen finite.
TEST_F(SickRunTest, ItGoesBackToWeightsThatGaveAFiniteLoss) {
  for (const int64_t step : {2, 3, 4, 6}) write_checkpoint(step);
  const std::string run_dir = (dir_ / "run").string();
  const std::string text =
      "step 9: the run is sick and stops: 5 updates in a row had no finite loss or gradient; no row "
      "explains it\n"
      "  step 5: gradient norm infinite, learning rate 0.001\n"
      "  step 6: loss NaN, learning rate 0.001\n"
      "  step 7: loss NaN, learning rate 0.001\n"
      "  step 8: loss NaN, learning rate 0.001\n"
      "  step 9: loss NaN, learning rate 0.001\n"
      "  before: the last finite update was in step 4, with a loss of 2.5; rows in quarantine: 2\n"
      "  likely: a learning_rate that is too high has driven the weights away\n"
      "  try:    keel train " +
      run_dir + "/config.yaml --learning_rate 0.0005 --resume --allow_change learning_rate\n" +
      "          goes on from " + run_dir + "/checkpoints/step-000003";
  EXPECT_EQ(stop(), text);
  EXPECT_EQ(read_text(dir_ / "run/diagnosis.txt"), text + "\n");
  EXPECT_THAT(checkpoints(),
              ElementsAre("step-000002", "step-000003", "step-000004.sick", "step-000006.sick"));
}

TEST_F(SickRunTest, ADamagedCheckpointIsNotGoneBackTo) {
  for (const int64_t step : {2, 3}) write_checkpoint(step);
  write_file(dir_ / "run/checkpoints/step-000003/trainer_state.json", "{}");
  EXPECT_THAT(stop(), HasSubstr("goes on from " + (dir_ / "run/checkpoints/step-000002").string()));
}

TEST_F(SickRunTest, WithoutACheckpointItStartsOver) {
  make_folders(dir_ / "run");
  EXPECT_THAT(stop(), HasSubstr("/run/config.yaml --learning_rate 0.0005 --output_dir NEW_FOLDER\n          "
                                "starts over: no checkpoint from before can be gone on from"));
}

TEST_F(SickRunTest, WhatIsSetAsideReplacesWhatAnEarlierFallSetAside) {
  write_checkpoint(5);
  make_folders(dir_ / "run/checkpoints/step-000005.sick/of_old");
  stop();
  EXPECT_FALSE(fs::exists(dir_ / "run/checkpoints/step-000005.sick/of_old"));
  EXPECT_TRUE(fs::exists(dir_ / "run/checkpoints/step-000005.sick/trainer_state.json"));
}

TEST_F(SickRunTest, ARunThatSavesNothingTouchesNothing) {
  SickRun sick = run();
  sick.run_dir.clear();
  try {
    stop_sick_run(sick);
  } catch (const UserError& e) {
    EXPECT_EQ(e.text().hint, "learning_rate: 0.0005");
  }
}

TEST_F(SickRunTest, TheCauseFollowsFromWhatWasSeen) {
  const auto hint = [](const SickRun& r) { return diagnosis_of(r, std::nullopt).hint; };
  const auto found = [](const SickRun& r) { return diagnosis_of(r, std::nullopt).found; };
  SickRun sick = run();
  sick.quarantine = false;
  EXPECT_THAT(found(sick),
              HasSubstr("likely: sick rows, which quarantine: false leaves in; or a learning_rate"));
  EXPECT_THAT(hint(sick), HasSubstr("config.yaml --quarantine true --output_dir"));
  for (BadUpdate& u : streak_) u.loss = 3;
  EXPECT_THAT(hint(run()), HasSubstr("--learning_rate 0.0005"));
  memory_.precision = "bf16 on cpu";
  EXPECT_THAT(found(run()),
              HasSubstr("likely: the loss is finite and its gradient is not: the compute type"));
  EXPECT_THAT(hint(run()), HasSubstr("config.yaml --precision fp32 --output_dir"));
  memory_.health.finite_step = 0;
  EXPECT_THAT(found(run()), HasSubstr("before: no update was finite; rows in quarantine: 2\n"
                                      "  likely: no update was ever finite: the model's weights"));
}

}  // namespace
}  // namespace keel
