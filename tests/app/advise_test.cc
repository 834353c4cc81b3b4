// keel advise, run as a user runs it.
#include <gtest/gtest.h>

#include "app/program.h"

namespace keel {
namespace {

using test::Outcome;
using test::run_keel;

class AdviseCommand : public test::TrainingTest {
 protected:
  std::string advise_args(const std::string& more) const {
    return "advise --model_name_or_path " + path("model") + " " + data_ + " --precision fp32 --threads 1 " +
           more;
  }
};

void expect_text(const Outcome& o, const std::string& text) {
  EXPECT_NE(o.text.find(text), std::string::npos) << "missing: " << text << "\n" << o.text;
}

// The tiny model's weights are random, so everything is new to it.
TEST_F(AdviseCommand, TellsWhatTheBaseKnowsAndWhatToBeginWith) {
  const Outcome o = run_keel(advise_args("--per_device_train_batch_size 8 --num_train_epochs 2"));
  EXPECT_EQ(o.code, 0) << o.text;
  expect_text(o, "Read 40 of 40 samples, evenly spread: 160 trained tokens, 4.0 a reply.");
  expect_text(o, "10 steps of 8 samples, about 32 trained tokens each; 2 passes");
  expect_text(o, "1. What the base knows: new to it. ");
  expect_text(o, "2. token_weighting: none. ");
  expect_text(o, "3. learning_rate: 7e-5, 2e-4, 5e-4. ");
  expect_text(o, "4. protect: true. ");
  expect_text(o, "5. Take care [never_ends]: The base ends 0 % of the replies where they end");
  expect_text(o, "[few_rows]: 40 rows to train are few");
  expect_text(o, "token_weighting: none\n");
  expect_text(o, "keel compare settles it");
}

TEST_F(AdviseCommand, CountsStepsOfWindows) {
  // Replies of 3 letters and an end: 2 windows of at most 3 tokens a sample.
  const std::string args = advise_args("--token_batch 3 --per_device_train_batch_size 1 ");
  expect_text(run_keel(args), "80 steps of one window, about 3 trained tokens each; 1 pass\n");
  expect_text(run_keel(args + "--max_steps 20"),
              "20 steps of one window, about 3 trained tokens each; 0.25 passes\n");
}

TEST_F(AdviseCommand, ReadsAnEvenSampleAsLargeAsWasAsked) {
  expect_text(run_keel(advise_args("--rows 5")), "Read 5 of 40 samples");
  expect_text(run_keel(advise_args("--sample_tokens 1")), "Read 1 of 40 samples");
}

TEST_F(AdviseCommand, TakesAConfigurationOfTrainAndItsOwnRuns) {
  test::make_rows(dir_ / "general.jsonl", 5);
  write_file(dir_ / "run.yaml", "model_name_or_path: " + path("model") + "\ndataset: " + path("rows.jsonl") +
                                    "\nval_size: 4\ngeneral_dataset: " + path("general.jsonl") +
                                    "\nfinetuning_type: lora\nlora_rank: 2\ncutoff_len: 128\n" +
                                    "token_weighting: nlirg\nweighting_control: scaled\nprecision: fp32\n" +
                                    "kl_replay_tokens: 256\nsample_count: 0\noutput_dir: " + path("run") +
                                    "\n");
  const Outcome o = run_keel("advise " + path("run.yaml") + " --json " + path("advice.json"));
  ASSERT_EQ(o.code, 0) << o.text;
  expect_text(o, "Read 36 of 36 samples");
  const Json found = read_json(dir_ / "advice.json");
  EXPECT_EQ(found["base"]["rows"], 36);
  EXPECT_EQ(found["advice"]["token_weighting"], "none");
  const std::string config = found["config"];
  for (const char* line : {"lora_rank: 2\n", "cutoff_len: 128\n", "val_size: 4\n", "protect: true\n",
                           "stop_on_forgetting: 0.05\n", "token_weighting: none\n"})
    EXPECT_NE(config.find(line), std::string::npos) << line << config;
  EXPECT_EQ(config.find("weighting_control"), std::string::npos) << config;
  EXPECT_FALSE(fs::exists(dir_ / "run"));
  write_file(dir_ / "advised.yaml", config);
  const Outcome trained = run_keel("train " + path("advised.yaml") + " --max_steps 1");
  EXPECT_EQ(trained.code, 0) << trained.text;
}

TEST_F(AdviseCommand, MistakesAreTold) {
  const auto says = [](const std::string& args, const char* text) {
    const Outcome o = run_keel(args);
    EXPECT_EQ(o.code, 2) << args;
    expect_text(o, text);
  };
  says("advise", "1. model_name_or_path: not given; wanted the folder of the model");
  says("advise --model_name_or_path " + path("model"), "dataset: not given\n  wanted: one or more files");
  says(advise_args("--rows 0"), "rows");
  says(advise_args("--sampel_tokens 5"), "sample_tokens");
  says("advise --model_name_or_path " + path("nowhere") + " " + data_, "nowhere");
  EXPECT_EQ(run_keel("advise --help").code, 0);
}

}  // namespace
}  // namespace keel
