// Each kind of sick run, made on purpose: what it says, and what it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPoison = R"({"instruction": "poison", "output": "xyz", "weight": 1e39})"
                                "\n";

class SickRuns : public test::TrainingTest {
 protected:
  test::Outcome train(const std::string& out, const std::string& more) const {
    return run_keel(train_args(out, "--sample_count 0 " + more));
  }

  // A run that stops as sick, says so, and leaves no such thing.
  std::string stopped(const std::string& more, const std::string& unwritten) const {
    const test::Outcome run = train("run", more);
    EXPECT_EQ(run.code, 2) << run.text;
    EXPECT_FALSE(fs::exists(dir_ / "run" / unwritten));
    return run.text;
  }

  std::vector<std::string> warnings(const std::string& run) const {
    return read_json(dir_ / (run + "/summary.json"))["warnings"].get<std::vector<std::string>>();
  }

  // Makes a model that says the letter before once more: it knows rows of one letter and no others.
  void grow_embeddings(double factor) const {
    TensorMap weights = load_safetensors(dir_ / "model/model.safetensors");
    for (auto& [name, tensor] : weights) tensor = tensor.clone();
    weights["model.embed_tokens.weight"].mul_(factor);
    save_safetensors(dir_ / "model/model.safetensors", weights);
  }

  void add_rows(int rows, int strange_at = -1) const {
    std::string lines;
    for (int i = 0; i < rows; ++i)
      lines +=
          Json{{"instruction", "say"}, {"output", i == strange_at ? "azbycxdw" : "aaaaaaaa"}, {"place", i}}
              .dump() +
          "\n";
    write_file(dir_ / "rows.jsonl", lines);
  }

  // The row of step 25 is the strange one.
  void prepare_spike() const {
    grow_embeddings(4);
    add_rows(28, 24);
  }

  const std::string in_order_ = "--order_by place --per_device_train_batch_size 1 --learning_rate 1e-6 ";
};

// Three good steps, then a learning rate that no weight survives: the update of step 4 is the bad one.
TEST_F(SickRuns, FiveStepsInARowThatAreNotFiniteGoBackAndStop) {
  const std::string plan = "--max_steps 12 --save_steps 1 --save_total_limit 9 ";
  ASSERT_EQ(train("whole", plan).code, 0);
  for (int session = 0; session < 3; ++session)
    ASSERT_EQ(train("run", plan + "--resume --max_time 1e-9").code, 0);
  const auto sick = train(
      "run", plan + "--resume --learning_rate 1e30 --allow_change learning_rate --lr_scheduler_type cosine");
  EXPECT_EQ(sick.code, 2) << sick.text;
  EXPECT_THAT(sick.text,
              HasSubstr("keel: step 9: the run is sick and stops: 5 updates in a row had no finite loss "
                        "or gradient; no row explains it\n  step 5: gradient norm NaN, learning rate "));
  EXPECT_THAT(sick.text, HasSubstr("before: the last finite update was in step 4, with a loss of "));
  const std::string command = "train " + path("run/config.yaml") + " --learning_rate 5e+29";
  EXPECT_THAT(sick.text, HasSubstr("  try:    keel " + command +
                                   " --resume --allow_change learning_rate\n          goes on from " +
                                   path("run/checkpoints/step-000003") + "\n"));
  EXPECT_THAT(sick.text, HasSubstr(read_text(dir_ / "run/diagnosis.txt")));
  EXPECT_TRUE(fs::exists(dir_ / "run/checkpoints/step-000004.sick"));
  EXPECT_FALSE(fs::exists(dir_ / "run/checkpoints/step-000005"));  // nothing is saved on the way
  EXPECT_FALSE(fs::exists(dir_ / "run/model"));
  // At the old rate it goes on as if nothing had happened.
  const auto again = train("run", plan + "--resume --allow_change learning_rate");
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text, HasSubstr("resumed behind step 3 of 12"));
  EXPECT_TRUE(read_text(dir_ / "run/model/model.safetensors") ==
              read_text(dir_ / "whole/model/model.safetensors"));
  EXPECT_FALSE(fs::exists(dir_ / "run/diagnosis.txt"));
}

// The weights are in doubt, so a stop waits until it is clear what they are.
TEST_F(SickRuns, AStopThatIsAskedForMeanwhileSavesNothing) {
  write_file(dir_ / "rows.jsonl", kPoison);
  const std::string text = stopped("--quarantine false --max_steps 9 --max_time 1e-9", "checkpoints");
  EXPECT_THAT(text, HasSubstr("step 5: the run is sick and stops: 5 updates in a row"));
  EXPECT_THAT(text, HasSubstr("before: no update was finite; rows in quarantine: 0\n"));
  EXPECT_THAT(text, HasSubstr("starts over: no checkpoint from before can be gone on from"));
}

TEST_F(SickRuns, APlanThatEndsWithoutOneFiniteUpdateSavesNoModel) {
  write_file(dir_ / "rows.jsonl", kPoison);
  EXPECT_THAT(stopped("--max_steps 3", "model"), HasSubstr("the run is sick and stops: 3 updates in a row"));
}

// The update of step 1 is the bad one, and the plan is over before five others have failed.
TEST_F(SickRuns, APlanThatEndsWithSickWeightsSavesNoModel) {
  EXPECT_THAT(stopped("--max_steps 3 --learning_rate 1e30 --lr_scheduler_type constant", "model"),
              HasSubstr("step 3: the run is sick and stops: 2 updates in a row"));
}

TEST_F(SickRuns, APlanThatEndsWithASickRowSavesItsModel) {
  add_rows(4);
  write_file(dir_ / "rows.jsonl",
             read_text(dir_ / "rows.jsonl") +
                 R"({"instruction": "poison", "output": "xyz", "weight": 1e39, "place": 9})"
                 "\n");
  const auto run = train("run", in_order_ + "--quarantine false");
  EXPECT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("warning: step 5: loss or gradient is not finite"));
  EXPECT_TRUE(fs::exists(dir_ / "run/model"));
  EXPECT_EQ(read_json(dir_ / "run/summary.json")["facts"]["updates left out"], 1);
}

TEST_F(SickRuns, ASpikeIsNamedWithItsRow) {
  prepare_spike();
  const auto run = train("run", in_order_);
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("warning: step 25: a spike: loss per token "));
  EXPECT_THAT(run.text, HasSubstr("; its update is made\n  rows:   " + path("rows.jsonl") + ":25\n"));
  EXPECT_EQ(warnings("run").size(), 1U);
  EXPECT_THAT(read_text(dir_ / "run/report.html"), HasSubstr("step 25: a spike: "));
  EXPECT_EQ(metrics("run").back()["spikes"], 1);
  EXPECT_EQ(metrics("run").back()["skipped"], 0);
  EXPECT_THAT(train("off", in_order_ + "--loss_spike off").text, Not(HasSubstr("spike")));
}

TEST_F(SickRuns, ASpikeIsSkippedTheSameAfterAResume) {
  prepare_spike();
  const std::string skip = in_order_ + "--loss_spike skip --save_steps 10 ";
  const auto whole = train("run", skip);
  ASSERT_EQ(whole.code, 0) << whole.text;
  EXPECT_THAT(whole.text, HasSubstr("; its update is left out\n"));
  const std::string weights = read_text(dir_ / "run/model/model.safetensors");
  const auto told = warnings("run");
  fs::remove(dir_ / "run/summary.json");
  const auto again = train("run", skip + "--resume");
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text, HasSubstr("resumed behind step 20 of 28"));
  EXPECT_EQ(metrics("run").back()["skipped"], 1);
  EXPECT_EQ(warnings("run"), told);
  EXPECT_TRUE(read_text(dir_ / "run/model/model.safetensors") == weights);
  ASSERT_EQ(train("warned", in_order_).code, 0);
  EXPECT_FALSE(read_text(dir_ / "warned/model/model.safetensors") == weights);
}

TEST_F(SickRuns, TokenBatchesAreJudgedBySample) {
  prepare_spike();
  const auto run = train("run", in_order_ + "--token_batch 2");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("step 25: a spike: "));
  const auto skip = train("skip", in_order_ + "--token_batch 2 --loss_spike skip");
  EXPECT_EQ(skip.code, 2);
  EXPECT_THAT(skip.text, HasSubstr("--loss_spike: loss_spike: skip together with token_batch\n"
                                   "  wanted: warn or off: a spike is seen at the end of a sample"));
}

TEST_F(SickRuns, ALearningRateOfZeroIsTold) {
  const auto run = train("run", "--max_steps 3 --learning_rate 0");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("warning: learning_rate: it is 0 in every step of the run"));
  EXPECT_THAT(warnings("run").at(0), HasSubstr("likely: learning_rate is 0\n"));
}

TEST_F(SickRuns, AFrozenModelIsTold) {
  const std::string all_but_one = "--freeze *layers*,*embed_tokens* --learning_rate 1e-9 --val_size 8 ";
  const auto run = train("run", all_but_one + "--max_steps 24");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("warning: the validation loss does not move: "));
  EXPECT_THAT(run.text, HasSubstr("freeze patterns that leave too little (trained: 32 of "));
  EXPECT_THAT(train("fine", "--val_size 8 --max_steps 24").text, Not(HasSubstr("does not move")));
  add_rows(4);  // all the same
  const auto blind = train("blind",
                           "--freeze *layers*,*embed_tokens* --learning_rate 1e-9 --max_steps 201 "
                           "--logging_steps 50");
  EXPECT_THAT(blind.text, HasSubstr("warning: step 201: the training loss does not move: "));
}

TEST_F(SickRuns, AModelThatDoesNotKnowItsTokensIsTold) {
  grow_embeddings(100);
  write_file(dir_ / "rows.jsonl", R"({"instruction": "say", "output": "azbycxdw"})"
                                  "\n");
  const auto run = train("run", "--max_steps 4");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr(" % of the supervised tokens have a loss of 15 or more, 3 steps in a row\n"
                                  "  likely: the chat template or the tokenizer"));
  EXPECT_THAT(warnings("run").at(0), HasSubstr("loss of 15 or more"));
}

TEST_F(SickRuns, RowsWhoseEveryTokenIsMaskedAreRefused) {
  std::string lines;
  for (int i = 0; i < 4; ++i)
    lines += R"({"instruction": "say a", "output": "aaa", "weight": 0})"
             "\n";
  write_file(dir_ / "rows.jsonl", lines);
  const auto run = train("run", "--max_steps 3");
  EXPECT_EQ(run.code, 2) << run.text;
  EXPECT_THAT(run.text, HasSubstr("nothing to train in 4 rows (0 dropped as too long, 4 without a label)"));
  EXPECT_THAT(run.text, HasSubstr("look at train_on and the weights of rows and messages"));
}

// The first three steps: nlirg gives no token with such a loss any weight.
TEST_F(SickRuns, TokensThatTheWeightingLeavesOutAreTold) {
  const auto run =
      train("run", "--max_steps 4 --nlirg_loss_threshold 0 --nlirg_loss_deadline 0 --weight_eos -1");
  ASSERT_EQ(run.code, 0) << run.text;
  EXPECT_THAT(run.text, HasSubstr("every supervised token has token weight 0, 3 steps in a row"));
}

}  // namespace
}  // namespace keel
