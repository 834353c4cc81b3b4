// keel train with a grid: an arm a folder, a winner, and a grid that was stopped goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;

class GridTest : public test::TrainingTest {
 protected:
  std::string args(const std::string& out, const std::string& more) {
    test::make_rows(dir_ / "law.jsonl", 24);
    const Json sources{{{"path", path("law.jsonl")}, {"name", "law"}, {"role", "specialist"}},
                       {{"path", path("rows.jsonl")}, {"name", "chat"}, {"role", "general"}}};
    data_ = "--mix_strategy dmt --datasets '" + sources.dump() + "'";
    return train_args(out,
                      "--val_size 0.3 --sample_count 0 --stages '[{\"max_steps\":2},{\"max_steps\":3}]' "
                      "--save_steps 1 --grid '{\"dmt_k\":[1,0.25],\"replay_ratio\":[0.1]}' " +
                          more);
  }

  Json grid(const std::string& run) { return read_json(dir_ / (run + "/grid.json")); }
};

TEST_F(GridTest, RunsEachArmAndNamesTheWinner) {
  const auto run = run_keel(args("run", ""));
  ASSERT_EQ(run.code, 0) << run.text;
  const Json found = grid("run");
  ASSERT_EQ(found["arms"].size(), 3U);
  double least_general = 1e9, least_specialist = 1e9;
  for (const Json& arm : found["arms"]) {
    const Json losses =
        read_json(dir_ / ("run/" + arm["name"].get<std::string>() + "/summary.json"))["losses"];
    EXPECT_EQ(arm["specialist_loss"], losses["after"]["eval_loss/law"]);
    EXPECT_EQ(arm["general_loss"], losses["after"]["eval_loss/chat"]);
    least_general = std::min(least_general, arm["general_loss"].get<double>());
  }
  for (const Json& arm : found["arms"])
    if (arm["general_loss"] <= 1.01 * least_general)
      least_specialist = std::min(least_specialist, arm["specialist_loss"].get<double>());
  for (const Json& arm : found["arms"]) {
    if (arm["name"] == found["winner"]) {
      EXPECT_EQ(arm["specialist_loss"], least_specialist);
    }
  }
  const std::string winner = found["winner"];
  EXPECT_THAT(run.text,
              HasSubstr(winner + " wins: of the arms whose general loss is at most 1 % above the least one"));
  EXPECT_TRUE(run.text.ends_with(path("run/" + winner + "/model") + "\n")) << run.text;
  EXPECT_TRUE(fs::exists(dir_ / ("run/" + winner + "/model/model.safetensors")));
  const std::string page = read_text(dir_ / "run/report.html");
  for (const char* arm : {"dmt_k-1", "dmt_k-0.25", "replay_ratio-0.1"})
    EXPECT_THAT(page, HasSubstr(std::string("<bdi>") + arm + "</bdi>"));
  EXPECT_THAT(page, HasSubstr("Validation loss, law"));
}

TEST_F(GridTest, ACrossedRedLineOfAnArmIsExitCode3AndAllArmsAreTrained) {
  const auto run = run_keel(args("run", "--gates '{eval_loss: {max: 1e-3}}'"));
  EXPECT_EQ(run.code, 3) << run.text;
  EXPECT_THAT(run.text, HasSubstr("RED LINE crossed: eval_loss"));
  EXPECT_EQ(grid("run")["arms"].size(), 3U);
}

TEST_F(GridTest, AGridThatWasStoppedGoesOnWithTheArmThatWasUnderWay) {
  ASSERT_EQ(run_keel(args("whole", "")).code, 0);
  test::Outcome last;
  int sessions = 0;
  for (; sessions < 30 && !fs::exists(dir_ / "pieces/grid.json"); ++sessions) {
    last = run_keel(args("pieces", "--max_time 1e-9 --resume"));  // one step a session
    ASSERT_EQ(last.code, 0) << last.text;
  }
  EXPECT_GT(sessions, 10) << last.text;
  EXPECT_THAT(last.text, HasSubstr(path("pieces/dmt_k-1") + " is done, nothing is left to train"));
  Json whole = grid("whole"), pieces = grid("pieces");
  EXPECT_EQ(pieces["arms"], whole["arms"]);
  EXPECT_EQ(pieces["winner"], whole["winner"]);
}

TEST_F(GridTest, WhatCannotBeComparedIsRefused) {
  const std::string all = args("run", "");
  const auto without = [&](std::string text, const std::string& part) {
    return text.erase(text.find(part), part.size());
  };
  const auto run = run_keel(without(all, "--val_size 0.3"));
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.text,
              HasSubstr("grid: grid without held-out rows of the specialist sources; wanted val_size, or "
                        "eval: FILE at each of them; the arms are compared by their losses"));
  EXPECT_THAT(run.text,
              HasSubstr("grid: grid without held-out general rows; wanted val_size, general_dataset, or "
                        "eval: FILE at the general sources"));
  const auto resumed = run_keel(all + "--resume_from_checkpoint run/checkpoints/step-000001");
  EXPECT_EQ(resumed.code, 2);
  EXPECT_THAT(resumed.text,
              HasSubstr("resume_from_checkpoint: one checkpoint for a grid of runs\n  wanted: true: "
                        "the arm that was under way goes on"));
  EXPECT_FALSE(fs::exists(dir_ / "run"));
}

}  // namespace
}  // namespace keel
