// What a run measures of itself, and how much of it.
#include "train/monitors.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "eval/choice.h"
#include "eval/generate.h"
#include "eval/nll.h"
#include "train/monitor_names.h"

namespace keel {
namespace {

using testing::ElementsAre;

TEST(MonitorPlan, TakesItsShareOfTheWork) {
  for (const double tokens : {11000.0, 30000.0, 75000.0}) {
    const MonitorPlan plan = monitor_plan(0.03, tokens);
    ASSERT_TRUE(plan.any());
    const double written = static_cast<double>(plan.answer_tokens * (kStepCost + plan.prompts));
    const double read = 4 * static_cast<double>(plan.row_tokens) / 3;  // three sets of rows, and probes
    EXPECT_LE(written + read, 0.03 * tokens) << tokens;
    EXPECT_GE(written + read, 0.9 * 0.03 * tokens) << tokens;
  }
}

TEST(MonitorPlan, HasALeastAndAMost) {
  EXPECT_FALSE(monitor_plan(0.03, 10000).any());  // 150 tokens' worth of writing: not two answers of 16
  EXPECT_FALSE(monitor_plan(0, 1e9).any());
  const MonitorPlan most = monitor_plan(0.03, 1e12);
  EXPECT_EQ(most.prompts, 16);
  EXPECT_EQ(most.answer_tokens, 96);
  EXPECT_EQ(most.row_tokens, 8192);
}

TEST(LongestCommonRun, OfTokens) {
  const std::vector<int32_t> a{1, 2, 3, 4, 5, 1, 2}, b{9, 2, 3, 4, 9, 1, 2, 3};
  EXPECT_EQ(longest_common_run(a, b), 3);
  EXPECT_EQ(longest_common_run(b, a), 3);
  EXPECT_EQ(longest_common_run(a, a), 7);
  EXPECT_EQ(longest_common_run(a, std::vector<int32_t>{}), 0);
  EXPECT_EQ(longest_common_run(a, std::vector<int32_t>{7, 8}), 0);
}

class MonitorsTest : public testing::Test {
 protected:
  MonitorsTest() {
    make_folders(dir_ / "model");
    test::make_tiny_chat_model(dir_ / "model");
    model_.emplace(load_chat_model(
        {.model = {.model_name_or_path = (dir_ / "model").string(), .precision = "fp32"}, .train = true}));
    for (int i = 0; i < 6; ++i) rows_.push_back(row({3, 4, 5}, {6, 7, 8, 6 + i}));
    for (int i = 0; i < 9; ++i)
      probes_.push_back({.id = std::to_string(i),
                         .dimension = "general",
                         .lang = "en",
                         .type = "choice",
                         .prompt = std::string(1, static_cast<char>('a' + i)),
                         .spec = {{"choices", {"ab", "c", "de"}}, {"answer_index", i % 3}}});
  }

  static Example row(const std::vector<int32_t>& prompt, const std::vector<int32_t>& reply) {
    Example e;
    e.ids = prompt;
    e.ids.insert(e.ids.end(), reply.begin(), reply.end());
    e.weight.assign(e.ids.size(), 0);
    for (size_t t = prompt.size(); t < e.ids.size(); ++t) e.weight[t] = 1;
    e.turn.assign(e.ids.size(), -1);
    e.end_of_turn.assign(e.ids.size(), 0);
    return e;
  }

  MonitorSets sets(const std::vector<Example>& validation = {}) {
    set_ = ExampleSet::of(rows_);
    return make_monitor_sets(*model_, {.prompts = 4, .answer_tokens = 6, .row_tokens = row_tokens_},
                             {.trained = set_,
                              .validation = validation,
                              .general = {row({1}, {9, 10, 11})},
                              .general_prompts = {{5, 6}, {6, 7}, {7, 8}},
                              .probes = probes_});
  }

  test::TempDir dir_;
  std::optional<ChatModel> model_;
  std::vector<Example> rows_;
  std::vector<Probe> probes_;
  int64_t row_tokens_ = 4096;
  ExampleSet set_;
};

TEST_F(MonitorsTest, HalfOfTheAnswersAreOfTheDomain) {
  const MonitorSets s = sets();
  EXPECT_THAT(s.domain_prompts, ElementsAre(ElementsAre(3, 4, 5), ElementsAre(3, 4, 5)));
  EXPECT_EQ(s.general_prompts.size(), 2U);
  EXPECT_EQ(s.training_replies.size(), 6U);
  EXPECT_THAT(s.training_replies.front(), ElementsAre(6, 7, 8, 6));
}

TEST_F(MonitorsTest, AModelHasNotMovedFromItselfAndHasAfterAChange) {
  const MonitorSets s = sets();
  const auto before = measure_monitors(*model_, s, 5.0);
  std::vector<std::string> names;
  for (const auto& [name, value] : before) names.push_back(name);
  EXPECT_THAT(names, testing::UnorderedElementsAreArray(monitor_names()));
  EXPECT_NEAR(before.at("kl_domain"), 0, 1e-6);
  EXPECT_NEAR(before.at("kl_general"), 0, 1e-6);
  EXPECT_DOUBLE_EQ(before.at("train_rows_loss"), nll_over(*model_->lm, rows_).mean());
  EXPECT_DOUBLE_EQ(before.at("train_gap"), 5.0 - before.at("train_rows_loss"));
  {
    const at::NoGradGuard no_grad;
    for (const Parameter& p : model_->lm->parameters()) at::Tensor(p.tensor).mul_(1.5);
  }
  const auto after = measure_monitors(*model_, s, {});
  EXPECT_GT(after.at("kl_domain"), 1e-3);
  EXPECT_GT(after.at("kl_general"), 1e-3);
  EXPECT_FALSE(after.contains("train_gap"));
}

// A random model's answer of six tokens copies what its training replies hold of it.
TEST_F(MonitorsTest, AnAnswerThatStandsInATrainingReplyIsCopied) {
  MonitorSets s = sets();
  const std::vector<Answer> answers = generate(*model_, s.domain_prompts, {.max_new_tokens = 6});
  ASSERT_EQ(answers.front().ids.size(), 6U);
  s.training_replies = {{1, 2, 3}};
  s.training_replies.push_back(answers.front().ids);
  EXPECT_EQ(measure_monitors(*model_, s, {}).at("copied"), 1);
  s.training_replies.back().resize(3);
  s.training_replies.back().push_back(-1);
  EXPECT_GE(measure_monitors(*model_, s, {}).at("copied"), 0.5);
  EXPECT_LT(measure_monitors(*model_, s, {}).at("copied"), 1);
}

TEST_F(MonitorsTest, TheLikeliestChoiceCounts) {
  double right = 0;
  for (const Probe& p : probes_) {
    std::vector<double> losses;
    for (const Example& row : choice_rows(*model_, p, "mean", ""))
      losses.push_back(nll_over(*model_->lm, std::span(&row, 1)).mean());
    right += std::ranges::min_element(losses) - losses.begin() == p.spec["answer_index"].get<int64_t>();
  }
  EXPECT_DOUBLE_EQ(measure_monitors(*model_, sets(), {}).at("probe_accuracy"), right / 9);
}

TEST_F(MonitorsTest, TooFewOrTooLongQuestionsAreNotAsked) {
  probes_[0].prompt.assign(600, 'a');  // the model reads 512 tokens
  EXPECT_EQ(sets().probes.size(), 8U);
  probes_[1].prompt.assign(600, 'a');
  EXPECT_TRUE(sets().probes.empty()) << "seven are too few";
  probes_.resize(9, probes_.back());
  probes_[0] = probes_[1] = probes_.back();
  row_tokens_ = 64;
  EXPECT_TRUE(sets().probes.empty()) << "there is room for one or two";
}

TEST_F(MonitorsTest, PlainTextHasNoPrompts) {
  for (Example& e : rows_) e = row({1}, e.ids);
  set_ = ExampleSet::of(rows_);
  const MonitorSets s = make_monitor_sets(
      *model_, {.prompts = 4, .answer_tokens = 6, .row_tokens = 64},
      {.trained = set_, .validation = {}, .general = {}, .general_prompts = {}, .probes = {}});
  const auto measured = measure_monitors(*model_, s, {});
  EXPECT_TRUE(measured.contains("kl_domain"));
  EXPECT_FALSE(measured.contains("rep4") || measured.contains("copied") || measured.contains("kl_general"));
}

}  // namespace
}  // namespace keel
