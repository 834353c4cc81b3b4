#include "experiment/plan.h"

#include <gmock/gmock.h>

#include "base/fs.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kArms =
    "arms:\n"
    "  plain: {token_weighting: none}\n"
    "  nlirg: {token_weighting: nlirg}\n";

const std::string kBase =
    "output_dir: out\n"
    "base:\n"
    "  model: m\n"
    "  dataset: rows.jsonl\n"
    "  val_size: 10\n"
    "  general_dataset: text.jsonl\n"
    "  batch_size: 2\n";

class PlanTest : public testing::Test {
 protected:
  Plan read(const std::string& text) {
    write_file(dir_ / "plan.yaml", text);
    return read_plan((dir_ / "plan.yaml").string());
  }

  // The folder is taken out of the text.
  std::string refusal(const std::string& text) {
    try {
      read(text);
    } catch (const UserError& error) {
      std::string out = error.what();
      const std::string folder = dir_.path().string() + "/";
      for (size_t at; (at = out.find(folder)) != std::string::npos;) out.erase(at, folder.size());
      return out;
    }
    return "not refused";
  }

  test::TempDir dir_;
};

TEST_F(PlanTest, ArmsTimesRatesTimesSeedsSeedBySeed) {
  const Plan plan = read(kBase + kArms + "  wide: {finetuning_type: lora, learning_rates: [0.001]}\n" +
                         "learning_rates: [1e-4, 2e-4]\nseeds: [1, 2]\nbudget: tokens\nkeep_models: false\n");
  ASSERT_EQ(plan.runs.size(), 10U);
  EXPECT_EQ(plan.runs[0].name(), "plain_lr0.0001_seed1");
  EXPECT_EQ(plan.runs[3].name(), "nlirg_lr0.0002_seed1");
  EXPECT_EQ(plan.runs[4].name(), "wide_lr0.001_seed1");
  EXPECT_EQ(plan.runs[5].name(), "plain_lr0.0001_seed2");
  const RunConfig& config = plan.runs[3].config;
  EXPECT_EQ(config.model.model_name_or_path, "m");
  EXPECT_EQ(config.loss.token_weighting, "nlirg");
  EXPECT_EQ(config.optim.learning_rate, 2e-4);
  EXPECT_EQ(config.train.seed, 1);
  EXPECT_EQ(config.train.output_dir, "out/runs/nlirg_lr0.0002_seed1");
  EXPECT_EQ(plan.runs[4].config.model.finetuning_type, "lora");
  EXPECT_FALSE(plan.keep_models);
}

TEST_F(PlanTest, WithoutListsTheBaseGivesRateAndSeedAndTheFirstArmIsTheControl) {
  const Plan plan = read(kBase + "  learning_rate: 3e-4\n  seed: 7\n" + kArms);
  ASSERT_EQ(plan.runs.size(), 2U);
  EXPECT_EQ(plan.runs[0].name(), "plain_lr0.0003_seed7");
  EXPECT_EQ(plan.contrasts, (std::vector<ArmPair>{{"nlirg", "plain"}}));
  EXPECT_FALSE(plan.target);
}

TEST_F(PlanTest, ABaseMayBeAFileOfAnEarlierRun) {
  write_file(dir_ / "base.yaml",
             "model: m\ndataset: rows.jsonl\nval_size: 10\ngeneral_dataset: t.jsonl\noutput_dir: old\n"
             "resume: true\nlearning_rate: 0.5\nmax_time: 3\n");
  const Plan plan =
      read("output_dir: out\nbase: " + (dir_ / "base.yaml").string() + "\nlearning_rates: [1e-4]\n" + kArms);
  EXPECT_EQ(plan.runs[0].config.optim.learning_rate, 1e-4);
  EXPECT_EQ(plan.runs[0].config.train.output_dir, "out/runs/plain_lr0.0001_seed42");
  EXPECT_EQ(plan.runs[0].config.train.resume_from_checkpoint, "");
  EXPECT_EQ(plan.runs[0].config.train.max_time, 0);
}

TEST_F(PlanTest, AllMistakesAreToldTogetherWithLinesAndNearNames) {
  const std::string text = refusal(
      "output_dir: out\n"
      "base: {model: m, dataset: rows.jsonl, val_size: 10, general_dataset: t.jsonl, wieght_decay: 0.1}\n"
      "arms:\n"
      "  plain: {token_weighting: non}\n"
      "  nlirg: {token_weighting: nlirg}\n"
      "learning_rates: [1e-4, -1]\n"
      "seeds: [1, 1]\n"
      "eval: {suit: general, half: monitr}\n"
      "contrasts: [[nlrig, plain], [plain, plain]]\n"
      "budjet: steps\n");
  for (const char* part :
       {"mistakes in the options:", "plan.yaml:2: unknown key 'wieght_decay'. Did you mean 'weight_decay'?",
        "plan.yaml:4: token_weighting: 'non'",
        "plan.yaml:6: learning_rates: -1; wanted a list of numbers above 0",
        "plan.yaml:7: seeds: 1 twice; wanted each value once",
        "plan.yaml:8: unknown key \"suit\"; wanted suite, half, domain; \"suite\" may be meant",
        "plan.yaml:8: half: monitr; wanted monitor, final, all; \"monitor\" may be meant",
        "plan.yaml:9: a contrast with \"nlrig\", which is no arm; wanted plain, nlirg; \"nlirg\" may be "
        "meant",
        "plan.yaml:9: a contrast of plain with itself; wanted two arms",
        "plan.yaml:10: unknown key \"budjet\"", "\"budget\" may be meant"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(PlanTest, ArmsThatDifferInMoreThanTheMethodAreRefusedByName) {
  const std::string text = refusal(kBase +
                                   "arms:\n"
                                   "  plain: {}\n"
                                   "  more:\n"
                                   "    dataset: other.jsonl\n"
                                   "    epochs: 3\n"
                                   "    seed: 5\n"
                                   "    eval_steps: 4\n"
                                   "    batch_size: 4\n"
                                   "    val_size: 10\n"
                                   "    loss_reduction: token\n");
  EXPECT_THAT(text,
              HasSubstr("plan.yaml:11: arm more changes dataset (data) from [rows.jsonl] to [other.jsonl]"));
  EXPECT_THAT(text, HasSubstr("plan.yaml:12: arm more changes num_train_epochs (the budget)"));
  EXPECT_THAT(text, HasSubstr("plan.yaml:13: arm more changes seed (swept for all: seeds)"));
  EXPECT_THAT(text,
              HasSubstr("plan.yaml:14: arm more changes eval_steps (evaluation) from 0 to 4; wanted the "
                        "same in every arm: else what differs is not the method; set it under base"));
  EXPECT_THAT(text, Not(HasSubstr("per_device")));        // the same rows in other steps: the same tokens
  EXPECT_THAT(text, Not(HasSubstr("changes val_size")));  // no other value
  EXPECT_THAT(text, Not(HasSubstr("loss_reduction")));
}

TEST_F(PlanTest, TheBudgetDecidesWhetherAnArmMayHaveStepsOfItsOwn) {
  const std::string arms = "arms: {plain: {}, big: {batch_size: 8}}\n";
  const std::string steps = "  max_steps: 10\n";
  const std::string refused = "arm big changes per_device_train_batch_size (the budget";
  EXPECT_EQ(refusal(kBase + arms + "budget: tokens\n"), "not refused");
  EXPECT_EQ(refusal(kBase + steps + arms + "budget: steps\n"), "not refused");
  EXPECT_THAT(refusal(kBase + steps + arms + "budget: tokens\n"), HasSubstr(refused));
  EXPECT_THAT(refusal(kBase + arms + "budget: steps\n"), HasSubstr(refused));
}

TEST_F(PlanTest, AnArmMayHaveRowsOfItsOwnWhereStepsAndMeasuresAreTheSame) {
  const std::string arms = "arms: {plain: {}, clean: {dataset: other.jsonl}}\nbudget: steps\n";
  const std::string steps = "  max_steps: 10\n";
  const std::string given =
      "output_dir: out\nbase:\n  model: m\n  dataset: rows.jsonl\n  eval_dataset: held_out.jsonl\n"
      "  general_dataset: text.jsonl\n";
  EXPECT_EQ(refusal(given + steps + arms), "not refused");
  EXPECT_THAT(
      refusal(kBase + steps + arms),
      HasSubstr(
          "arm clean changes dataset (data) from [rows.jsonl] to [other.jsonl]\n  wanted: the same "
          "in every arm: else what differs is not the method\n  try:    set it under base; with budget: "
          "steps, max_steps and no val_size (eval_dataset instead) an arm may have rows of its own"));
  EXPECT_THAT(refusal(given + arms), HasSubstr("arm clean changes dataset (data)"));
}

TEST_F(PlanTest, ABudgetOfFlopsGivesCostlierArmsFewerEpochs) {
  const std::string arms =
      "arms:\n"
      "  plain: {token_weighting: none}\n"
      "  replay: {token_weighting: none, protect: true, kl_replay_ratio: 0.5}\n"
      "  lora: {token_weighting: none, finetuning_type: lora}\n"
      "  psft: {token_weighting: psft, kl_train: 1}\n"
      "budget: flops\n";
  const Plan plan = read(kBase + "  epochs: 3\n" + arms);
  ASSERT_EQ(plan.runs.size(), 4U);
  const auto epochs = [&](size_t i) { return plan.runs[i].config.train.num_train_epochs; };
  EXPECT_DOUBLE_EQ(epochs(0), 3);
  EXPECT_DOUBLE_EQ(epochs(1), 3 * 3 / 4.5);  // half as many tokens again
  EXPECT_DOUBLE_EQ(epochs(2), 3 * 3 / 2.0);
  EXPECT_DOUBLE_EQ(epochs(3), 3 * 3 / 5.0);  // two passes of the model as it was
  EXPECT_EQ(read(kBase + "  max_steps: 10\n" + arms).runs[1].config.train.max_steps, 7);
  EXPECT_THAT(
      refusal(kBase + "arms: {plain: {}, taught: {distill: true, teacher_model_path: t}}\nbudget: flops\n"),
      HasSubstr("budget: flops with a teacher, whose size the plan does not know"));
}

TEST_F(PlanTest, TheExampleIsAPlan) {
  const Plan plan = read_plan((test::source_dir() / "examples/compare/plan.yaml").string());
  EXPECT_EQ(plan.runs.size(), 6U);
}

TEST_F(PlanTest, WhatCannotBeMeasuredIsRefused) {
  const std::string model = "output_dir: out\nbase: {model: m, dataset: rows.jsonl}\n";
  EXPECT_EQ(refusal(model + kArms),
            "2 mistakes in the options:\n"
            "  1. plan.yaml:2: nothing is held out, so no arm can show what it learned; wanted val_size or "
            "eval_dataset in base, or eval: {suite: FILE, domain: suite}\n"
            "  2. plan.yaml:2: nothing is measured that could be forgotten; wanted general_dataset in base, "
            "or eval: {suite: general}");
  EXPECT_EQ(refusal(model + kArms + "eval: {suite: general, domain: suite}\n"), "not refused");
  EXPECT_THAT(refusal(kBase + kArms + "eval: {domain: suite}\n"),
              HasSubstr("plan.yaml:11: domain without a suite"));
  EXPECT_THAT(refusal("arms: {a/b: {}}\n"),
              HasSubstr("plan.yaml:1: an arm named \"a/b\"; wanted letters, digits, '-', '_' and '.'"));
  EXPECT_THAT(refusal(kBase + "  grid: {dmt_k: [1]}\n" + kArms),
              HasSubstr("plan.yaml:8: base has grid; a plan has arms instead"));
}

}  // namespace
}  // namespace keel
