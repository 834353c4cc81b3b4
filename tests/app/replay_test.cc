// kl_replay from the command line: text that the model writes, a term in every step, and how far it moved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;
using testing::Not;

class ReplayRuns : public test::TrainingTest {
 protected:
  test::Outcome train(const std::string& out, const std::string& more) const {
    return run_keel(train_args(out, "--sample_count 0 --max_steps 8 --val_size 8 " + more));
  }

  double moved(const std::string& run) const { return metrics(run).back().at("kl_from_start"); }
};

TEST_F(ReplayRuns, ProtectReplaysWhatTheModelWrote) {
  const auto run = train("run", "--protect true --kl_replay_tokens 400");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("text for kl_replay: 400 of 400 tokens"));
  EXPECT_THAT(run.text, HasSubstr("more held out to measure by"));
  EXPECT_TRUE(fs::exists(dir_ / "run/replay.safetensors"));
  const auto rows = metrics("run");
  EXPECT_NEAR(rows.front().at("kl_from_start").get<double>(), 0, 1e-5) << "nothing is trained yet";
  for (const Json& row : rows) EXPECT_EQ(row.contains("kl_replay"), row.contains("loss"));
  const Json summary = read_json(dir_ / "run/summary.json");
  EXPECT_THAT(summary["tables"].dump(), HasSubstr("KL from the model as it was"));
}

TEST_F(ReplayRuns, AStrongerOneMovesLess) {
  ASSERT_EQ(train("weak", "--kl_replay 0.001 --kl_replay_tokens 400").code, 0);
  const auto strong = train("strong", "--kl_replay 20 --kl_replay_path " + path("weak/replay.safetensors"));
  ASSERT_EQ(strong.code, 0) << strong.text;
  EXPECT_THAT(strong.text, Not(HasSubstr("text for kl_replay")));
  EXPECT_LT(moved("strong"), 0.5 * moved("weak"));
}

TEST_F(ReplayRuns, TextOfTheUserServesAsWell) {
  const auto run = train("run", "--kl_replay 1 --kl_replay_dataset " + path("rows.jsonl"));
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr(" in 35 texts, "));  // of 40, every eighth held out
}

TEST_F(ReplayRuns, MistakesAreAllTold) {
  const auto run = train("run", "--protect true --kl_replay 0 --kl_replay_path a --kl_replay_dataset b");
  EXPECT_EQ(run.code, 2) << run.text;
  EXPECT_THAT(run.text, HasSubstr("protect: true with kl_replay: 0"));
  EXPECT_THAT(run.text, HasSubstr("kl_replay_path together with kl_replay_dataset"));
  EXPECT_THAT(train("other", "--max_steps 1 --kl_replay_ratio 0.5").text,
              HasSubstr("ignored: kl_replay_ratio (--kl_replay_ratio): kl_replay is 0"));
}

// A run that forgets, as it must with this rate, and says so.
TEST_F(ReplayRuns, ACrossedRedLineIsExitCode3) {
  const std::string gates =
      R"( --kl_replay 0.001 --kl_replay_tokens 400 --gates '{kl_from_start: {max: 1e-9}, eval_loss: {max_rise: 5}}')";
  const auto run = train("run", gates);
  EXPECT_EQ(run.code, 3) << run.text;
  EXPECT_THAT(run.text, HasSubstr("RED LINE crossed: kl_from_start "));
  EXPECT_THAT(run.text, Not(HasSubstr("crossed: eval_loss")));
  EXPECT_EQ(read_json(dir_ / "run/summary.json").at("red_lines_crossed").size(), 1U);
  EXPECT_EQ(train("run", gates + " --resume").code, 3) << "also when it is asked again";
}

TEST_F(ReplayRuns, GatesOnWhatIsNotMeasuredAreRefused) {
  const auto run = train("run", "--gates '{general_loss: {max_rise: 0.02}, kl_from_start: {max: 1}}'");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.text, HasSubstr("a gate on general_loss, which this run does not measure"));
  EXPECT_THAT(run.text, HasSubstr("a gate on kl_from_start, which this run does not measure"));
}

TEST_F(ReplayRuns, StopsWhereItForgetsAndKeepsWhatWasBestBefore) {
  const std::string more = " --eval_steps 1 --general_dataset " + path("rows.jsonl");
  const auto run = train("run", "--stop_on_forgetting 1e-6 --learning_rate 0.3" + more);
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("stopped early: the general loss rose by "));
  EXPECT_LT(read_json(dir_ / "run/summary.json")["figures"]["steps"].get<int>(), 8);
  EXPECT_THAT(train("other", "--stop_on_forgetting 0.02").text,
              HasSubstr("stop_on_forgetting without held-out rows to tell it by"));
}

}  // namespace
}  // namespace keel
