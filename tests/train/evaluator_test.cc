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

TEST(Evaluator, TellsEachSourceAndTheTotalOfAllTokens) {
  const test::Tiny tiny("llama");
  ASSERT_GT(tiny.examples.size(), 1U);
  const EvalSets sets = two_sources(tiny);
  const EvalOutcome out = Evaluator(*tiny.model, sets, 0).run(0, false);
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

TEST(Evaluator, OneSourceIsTheTotal) {
  const test::Tiny tiny("llama");
  const EvalSets sets{.domain = tiny.examples, .general = {}, .sources = {"law"}};
  EXPECT_TRUE(Evaluator(*tiny.model, sets, 0).run(0, false).by_source.empty());
}

TEST(Evaluator, WhatIsNoCandidateNeitherWinsNorWearsPatience) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  Evaluator evaluator(*tiny.model, sets, 1);
  EXPECT_FALSE(evaluator.run(5, false).best);
  EXPECT_FALSE(evaluator.memory().best);
  EXPECT_TRUE(evaluator.run(6, true).best);
  EXPECT_FALSE(evaluator.run(7, false).stop);
  EXPECT_TRUE(evaluator.run(8, true).stop) << "the same weights are no better";
  EXPECT_EQ(evaluator.memory().best_step, 6);
}

TEST(Evaluator, ASourceThatGetsBetterKeepsTheRunGoing) {
  const test::Tiny tiny("llama");
  const EvalSets sets = two_sources(tiny);
  EvaluatorMemory memory;
  memory.best = EvalOutcome{.domain = 0};  // never reached again
  memory.best_by_source = {{"law", 0}, {"chat", 1e9}};
  Evaluator evaluator(*tiny.model, sets, 1, memory);
  EXPECT_FALSE(evaluator.run(6, true).stop);
  EXPECT_TRUE(evaluator.run(7, true).stop);
  EXPECT_EQ(evaluator.memory().best_by_source.at("law"), 0);
}

}  // namespace
}  // namespace keel
