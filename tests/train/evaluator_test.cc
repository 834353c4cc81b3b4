// What an evaluation tells: the total, each source for itself, and what follows for best and patience.
#include "train/evaluator.h"

#include <gtest/gtest.h>

#include "train/tiny.h"

namespace keel {
namespace {

EvalSets two_sources(const test::Tiny& tiny) {
  EvalSets sets{.domain = tiny.examples, .general = {}, .sources = {"law", "chat"}};
  sets.domain.back().source = 1;
  return sets;
}

template <class AnEvaluator>
EvalOutcome judged(AnEvaluator&& evaluator, int64_t step, bool candidate) {
  EvalOutcome out = evaluator.measure();
  evaluator.judge(out, step, candidate);
  return out;
}

TEST(Evaluator, TellsEachSourceAndTheTotalOfAllTokens) {
  const test::Tiny tiny("llama");
  ASSERT_GT(tiny.examples.size(), 1U);
  const EvalSets sets = two_sources(tiny);
  const EvalOutcome out = judged(Evaluator(*tiny.model, sets, {}), 0, false);
  const auto own = [&](std::span<const Example> part) { return nll_over(*tiny.model, part); };
  const NllSum law = own(std::span(sets.domain).first(sets.domain.size() - 1));
  const NllSum chat = own(std::span(sets.domain).last(1));
  ASSERT_EQ(out.by_source.size(), 2U);
  EXPECT_EQ(out.by_source.at("law"), law.mean());
  EXPECT_EQ(out.by_source.at("chat"), chat.mean());
  EXPECT_EQ(*out.domain, (law.nll + chat.nll) / static_cast<double>(law.tokens + chat.tokens));
  EXPECT_EQ(out.row()["eval_loss/law"], law.mean());
  EXPECT_EQ(out.row()["eval_loss"], *out.domain);
}

TEST(Evaluator, KeepsTheLossOfEachRow) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  const EvalOutcome out = Evaluator(*tiny.model, sets, {}).measure();
  ASSERT_EQ(out.domain_rows.size(), sets.domain.size());
  for (size_t i = 0; i < sets.domain.size(); ++i) {
    const NllSum own = nll_over(*tiny.model, std::span(sets.domain).subspan(i, 1));
    EXPECT_EQ(out.domain_rows[i].tokens, own.tokens);
    EXPECT_NEAR(out.domain_rows[i].nll, own.nll, 1e-5 * own.nll) << "fp32, another batch";
  }
}

TEST(Evaluator, RowsOfALargeSetAreKeptInGroups) {
  const test::Tiny tiny("llama");
  Example row = tiny.examples.front();
  row.ids.resize(3), row.weight.assign({0, 1, 1}), row.turn.resize(3), row.end_of_turn.resize(3);
  const EvalSets sets{.domain = {}, .general = std::vector<Example>(kMostRowLosses + 2, row)};
  const EvalOutcome out = Evaluator(*tiny.model, sets, {}).measure();
  ASSERT_EQ(out.general_rows.size(), kMostRowLosses);
  EXPECT_EQ(out.general_rows[1].tokens, 4);
  EXPECT_EQ(out.general_rows[2].tokens, 2);
  EXPECT_NEAR(out.general_rows[1].nll, 2 * out.general_rows[2].nll, 1e-5 * out.general_rows[1].nll);
}

TEST(Evaluator, OneSourceIsTheTotal) {
  const test::Tiny tiny("llama");
  const EvalSets sets{.domain = tiny.examples, .general = {}, .sources = {"law"}};
  EXPECT_TRUE(judged(Evaluator(*tiny.model, sets, {}), 0, false).by_source.empty());
}

TEST(Evaluator, WhatIsNoCandidateNeitherWinsNorWearsPatience) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  Evaluator evaluator(*tiny.model, sets, {.patience = 1});
  EXPECT_FALSE(judged(evaluator, 5, false).best);
  EXPECT_FALSE(evaluator.memory().best);
  EXPECT_TRUE(judged(evaluator, 6, true).best);
  EXPECT_FALSE(judged(evaluator, 7, false).stop);
  EXPECT_TRUE(judged(evaluator, 8, true).stop) << "the same weights are no better";
  EXPECT_EQ(evaluator.memory().best_step, 6);
}

TEST(Evaluator, ASourceThatGetsBetterKeepsTheRunGoing) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  EvaluatorMemory memory;
  memory.best = EvalOutcome{.domain = 0};  // never reached again
  memory.best_by_source = {{"law", 0}, {"chat", 1e9}};
  Evaluator evaluator(*tiny.model, sets, {.patience = 1}, memory);
  EXPECT_FALSE(judged(evaluator, 6, true).stop);
  EXPECT_TRUE(judged(evaluator, 7, true).stop);
  EXPECT_EQ(evaluator.memory().best_by_source.at("law"), 0);
}

TEST(BestRule, ScoresByTheNamedMetric) {
  const EvalOutcome o{.domain = 2.0, .general = 3.0, .kl = 0.25};
  EXPECT_EQ(BestRule{}.score(o), 2.0);
  EXPECT_EQ(BestRule{.metric = "general_loss"}.score(o), 3.0);
  EXPECT_EQ(BestRule{.metric = "kl_from_start"}.score(o), 0.25);
  EXPECT_EQ((BestRule{.metric = "frontier", .frontier_weight = 0.5}).score(o), 3.5);
  EXPECT_FALSE((BestRule{.metric = "frontier"}).score({.domain = 2.0}));
}

TEST(Evaluator, ChoosesOnlyByWhatItMeasures) {
  const test::Tiny tiny("llama");
  const EvalSets domain{.domain = tiny.examples, .general = {}},
      both{.domain = tiny.examples, .general = tiny.examples};
  EXPECT_TRUE(Evaluator(*tiny.model, domain, {}).chooses());
  EXPECT_FALSE(Evaluator(*tiny.model, domain, {.metric = "frontier"}).chooses());
  EXPECT_TRUE(Evaluator(*tiny.model, both, {.metric = "frontier"}).chooses());
  EXPECT_FALSE(Evaluator(*tiny.model, both, {.metric = "kl_from_start"}).chooses());
  const EvalSets monitors_only{.domain = {}, .general = {}, .monitors = {.plan = {.prompts = 2}}};
  EXPECT_TRUE(Evaluator(*tiny.model, monitors_only, {}).any());
  EXPECT_FALSE(Evaluator(*tiny.model, monitors_only, {}).chooses());
}

// The domain is learned on and on, at a rising price.
TEST(Evaluator, TheFrontierStopsWhereLearningCostsMoreThanItIsWorth) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  Evaluator evaluator(*tiny.model, sets, {.metric = "frontier", .frontier_weight = 2, .patience = 2});
  const auto judged_at = [&](int64_t step, double domain, double general) {
    EvalOutcome out{.domain = domain, .general = general, .by_source = {{"law", domain}}};
    evaluator.judge(out, step, true);
    return out;
  };
  EXPECT_TRUE(judged_at(1, 3.0, 3.0).best);
  EXPECT_TRUE(judged_at(2, 2.0, 3.2).best);
  EXPECT_FALSE(judged_at(3, 1.9, 3.3).best) << "a tenth learned, two tenths' worth forgotten";
  const EvalOutcome last = judged_at(4, 1.8, 3.5);
  EXPECT_FALSE(last.best);
  EXPECT_TRUE(last.stop) << "although the source got better each time";
  EXPECT_EQ(evaluator.memory().best_step, 2);
}

}  // namespace
}  // namespace keel
