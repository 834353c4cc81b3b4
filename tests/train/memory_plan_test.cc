#include "train/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "base/error.h"

namespace keel {
namespace {

using testing::HasSubstr;

constexpr int64_t kGb = 1'000'000'000;

MemoryPlan plan_of(int64_t more) {
  return {.held = kGb, .optimiser = more / 2, .pass = more - more / 2, .tokens = 512};
}

std::string refusal(const MemoryPlan& plan, const std::vector<PlannedWay>& ways, int64_t free) {
  try {
    check_memory(
        plan, [&] { return ways; }, free);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

TEST(MemoryPlan, ThePassIsPackedUpToTheLimitAndALongerSampleGoesAlone) {
  EXPECT_EQ(largest_pass({100, 300, 200}, 2, 1024), 500);
  EXPECT_EQ(largest_pass({100, 300, 200}, 9, 1024), 600);
  EXPECT_EQ(largest_pass({100, 300, 200}, 3, 400), 400);
  EXPECT_EQ(largest_pass({100, 900, 200}, 3, 400), 900);
  EXPECT_EQ(largest_pass({}, 3, 400), 0);
}

TEST(MemoryPlan, WhatDoesNotFitIsRefusedWithWhatWould) {
  const auto not_asked = []() -> std::vector<PlannedWay> {
    ADD_FAILURE() << "no other way is wanted";
    return {};
  };
  check_memory(plan_of(20 * kGb), not_asked, 23 * kGb);
  EXPECT_EQ(refusal(plan_of(20 * kGb), {}, 19 * kGb), "") << "close is only warned of";
  const std::string text = refusal(plan_of(20 * kGb),
                                   {{"gradient_checkpointing: true", plan_of(12 * kGb)},
                                    {"per_device_train_batch_size: 1", plan_of(5 * kGb)},
                                    {"finetuning_type: lora", plan_of(2 * kGb)}},
                                   10 * kGb);
  EXPECT_EQ(text,
            "memory: the run needs about 21.0 GB (1.0 GB held now, a pass of 512 tokens 10.0 GB, optimiser "
            "10.0 GB, gradients 0 kB, "
            "head 0 kB)\n"
            "  wanted: at most 11.0 GB, what can be had here now\n"
            "  try:    per_device_train_batch_size: 1: about 6.0 GB");
  EXPECT_THAT(
      refusal(plan_of(20 * kGb), {{"a", plan_of(12 * kGb)}}, 10 * kGb),
      HasSubstr("  try:    a smaller model, shorter rows (cutoff_len), or a machine with more memory"));
}

class PlannedJob : public testing::Test {
 protected:
  PlannedJob() {
    make_folders(dir_ / "model");
    test::make_tiny_chat_model(dir_ / "model");
    model_ = load_chat_model(
        {.model = {.model_name_or_path = (dir_ / "model").string(), .precision = "fp32"}, .train = true});
    const auto row = [](size_t n) {
      return Example{.ids = std::vector<int32_t>(n, 1),
                     .weight = std::vector<float>(n, 1),
                     .turn = std::vector<int32_t>(n, 0),
                     .end_of_turn = std::vector<uint8_t>(n, 0)};
    };
    rows_.examples = ExampleSet::of({row(20), row(30), row(10)});
    for (const Parameter& p : model_->lm->parameters()) numbers_ += p.tensor.numel();
  }

  MemoryPlan plan(const MemoryWay& way) {
    return memory_plan({.model = *model_,
                        .train_set = rows_,
                        .eval_sets = none_,
                        .options = options_,
                        .optim = {},
                        .loss = loss_,
                        .protection = protection_,
                        .pack_tokens = 45},
                       way, 7);
  }

  int64_t number(const char* key) const { return model_->config[key].get<int64_t>(); }

  test::TempDir dir_;
  std::optional<ChatModel> model_;
  Dataset rows_{.sources = {"rows"}};
  EvalSets none_;
  TrainOptions options_;
  LossOptions loss_;
  ProtectionOptions protection_;
  int64_t numbers_ = 0;
};

TEST_F(PlannedJob, CountsWhatTrainingHolds) {
  const MemoryPlan p = plan({.batch = 2});
  EXPECT_EQ(p.held, 7);
  EXPECT_EQ(p.optimiser, 8 * numbers_) << "two fp32 moments; the weights are their own masters";
  EXPECT_EQ(p.gradients, 4 * numbers_);
  EXPECT_EQ(p.copies, 0);
  EXPECT_EQ(p.tokens, 45) << "30 and 20, packed";
  EXPECT_EQ(p.total(), 7 + p.optimiser + p.gradients + p.pass + p.head);
  const int64_t D = number("hidden_size"), F = number("intermediate_size"), L = number("num_hidden_layers");
  const int64_t d = D / number("num_attention_heads"), K = d * number("num_key_value_heads");
  EXPECT_EQ(p.pass, 4 * 45 * (L * (4 * D + 2 * K + 2 * F) + 3 * F + 2 * D));
  const MemoryPlan again = plan({.recomputed_blocks = kAllBlocks, .batch = 2});
  EXPECT_EQ(again.pass, 4 * 45 * (L * D + 4 * D + 2 * K + 2 * F + 3 * F + 2 * D));
  const MemoryPlan some = plan({.recomputed_blocks = 1, .batch = 2});
  EXPECT_EQ(some.pass, 4 * 45 * (D + (L - 1) * (4 * D + 2 * K + 2 * F) + 3 * F + 2 * D));
  EXPECT_EQ(plan({.batch = 1}).tokens, 30);
  EXPECT_EQ(plan({.batch = 2, .lora = true}).optimiser, 0);
}

TEST_F(PlannedJob, CountsTheModelsBesideTheTrainedOne) {
  protection_.l2_sp = 0.1;
  EXPECT_EQ(plan({}).copies, 4 * numbers_);
  protection_.ewc = 0.1;
  EXPECT_EQ(plan({}).copies, 8 * numbers_) << "with the Fisher information";
  protection_.kl_train = 0.1;
  EXPECT_EQ(plan({}).copies, 12 * numbers_);
  loss_.token_weighting = "stm";
  EXPECT_EQ(plan({}).copies, 12 * numbers_) << "the model as it was is kept once";
}

}  // namespace
}  // namespace keel
