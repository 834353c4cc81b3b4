// What a run remembers comes back bit by bit from its JSON, also through a file's text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "train/run_memory.h"

namespace keel {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

RunMemory through_text(const RunMemory& memory) {
  return run_memory_from(parse_json(to_line(to_json(memory)), "test"), "test");
}

RunMemory busy_memory() {
  return {.step = 7,
          .updates = 21,
          .skipped = 1,
          .open_step = true,
          .ended = "stopped early",
          .first_loss = 0.1 + 0.2,
          .last_loss = kNaN,
          .before = {.domain = 1.0 / 3,
                     .general = kInfinity,
                     .by_source = {{"a/b.jsonl", 0.1}, {"c", kNaN}},
                     .domain_rows = {{.nll = 1.0 / 7, .tokens = 3}, {.nll = kInfinity, .tokens = 1}}},
          .after = {.domain = 5e-324, .best = true},
          .evaluator = {.best = EvalOutcome{.domain = -kInfinity, .general = 0.7, .best = true},
                        .best_step = 4,
                        .best_by_source = {{"c", 1.0 / 3}},
                        .since_better = 2},
          .token_batch = {.k = 9, .first = 1e300, .sum = -0.0, .count = 3},
          .prefix = {.loss = 1e-9 / 3, .gradient = 0.7, .count = 2},
          .progress = {.tokens = 1LL << 40,
                       .supervised = 5,
                       .seconds = 0.1,
                       .eval_loss = kNaN,
                       .kept_percent = 3,
                       .source_tokens = {1, 2},
                       .metrics_bytes = 99},
          .health = {.finite_step = 5,
                     .loss = {.mean = 1.0 / 3, .variance = 5e-324, .count = 20},
                     .log_norm = {.mean = -0.0, .variance = 0.1, .count = 19},
                     .spikes = 2,
                     .hopeless_steps = 1,
                     .weightless_steps = 3,
                     .early = {.mean = 0.7, .variance = 1.0 / 7, .count = 100},
                     .late = {.mean = 0.9, .variance = 1e-300, .count = 4},
                     .moves = true,
                     .said = {{"zone", "step 3: text\n  likely: \"x\""}}},
          .quarantine = {{.step = 3, .example = 17, .found = "loss NaN"}},
          .data_hash = "abc",
          .precision = "fp32",
          .threads = 2};
}

TEST(RunMemoryTest, EveryNumberComesBackBitByBit) {
  const RunMemory was = busy_memory(), is = through_text(was);
  EXPECT_EQ(is.step, 7);
  EXPECT_EQ(is.updates, 21U);
  EXPECT_TRUE(is.open_step);
  EXPECT_EQ(is.ended, "stopped early");
  EXPECT_EQ(is.first_loss, was.first_loss);
  EXPECT_TRUE(std::isnan(is.last_loss));
  EXPECT_EQ(*is.before.domain, *was.before.domain);
  EXPECT_EQ(*is.before.general, kInfinity);
  EXPECT_EQ(is.before.by_source.at("a/b.jsonl"), 0.1);
  EXPECT_TRUE(std::isnan(is.before.by_source.at("c")));
  ASSERT_EQ(is.before.domain_rows.size(), 2U);
  EXPECT_EQ(is.before.domain_rows[0].nll, 1.0 / 7);
  EXPECT_EQ(is.before.domain_rows[0].tokens, 3);
  EXPECT_EQ(is.before.domain_rows[1].nll, kInfinity);
  EXPECT_TRUE(is.before.general_rows.empty());
  EXPECT_EQ(*is.after.domain, 5e-324);
  EXPECT_FALSE(is.after.general);
  EXPECT_EQ(*is.evaluator.best->domain, -kInfinity);
  EXPECT_EQ(*is.evaluator.best->general, 0.7);
  EXPECT_EQ(is.evaluator.best_step, 4);
  EXPECT_EQ(is.evaluator.best_by_source.at("c"), 1.0 / 3);
  EXPECT_EQ(is.evaluator.since_better, 2);
  EXPECT_EQ(is.token_batch.first, 1e300);
  EXPECT_EQ(std::bit_cast<uint64_t>(is.token_batch.sum), std::bit_cast<uint64_t>(-0.0));
  EXPECT_EQ(is.prefix.loss, 1e-9 / 3);
  EXPECT_EQ(is.prefix.gradient, 0.7);
  EXPECT_EQ(is.prefix.count, 2);
  EXPECT_TRUE(std::isnan(*is.progress.eval_loss));
  EXPECT_EQ(is.progress.source_tokens, (std::vector<int64_t>{1, 2}));
  ASSERT_EQ(is.quarantine.size(), 1U);
  EXPECT_EQ(is.quarantine[0].step, 3);
  EXPECT_EQ(is.quarantine[0].example, 17U);
  EXPECT_EQ(is.quarantine[0].found, "loss NaN");
  EXPECT_EQ(to_line(to_json(is)), to_line(to_json(was)));
}

void expect_same(const Moments& is, const Moments& was) {
  EXPECT_EQ(std::bit_cast<uint64_t>(is.mean), std::bit_cast<uint64_t>(was.mean));
  EXPECT_EQ(is.variance, was.variance);
  EXPECT_EQ(is.count, was.count);
}

TEST(RunMemoryTest, WhatIsKnownOfTheRunsHealthComesBack) {
  const HealthMemory was = busy_memory().health, is = through_text(busy_memory()).health;
  EXPECT_EQ(is.finite_step, 5);
  expect_same(is.loss, was.loss);
  expect_same(is.log_norm, was.log_norm);
  expect_same(is.early, was.early);
  expect_same(is.late, was.late);
  EXPECT_EQ(is.spikes, 2);
  EXPECT_EQ(is.hopeless_steps, 1);
  EXPECT_EQ(is.weightless_steps, 3);
  EXPECT_TRUE(is.moves);
  EXPECT_EQ(is.said, was.said);
}

TEST(RunMemoryTest, AFreshRunHasNoBest) {
  const RunMemory is = through_text({});
  EXPECT_FALSE(is.evaluator.best);
  EXPECT_FALSE(is.before.domain);
  EXPECT_FALSE(is.progress.eval_loss);
}

TEST(RunMemoryTest, AStateWithoutAPartIsRefused) {
  Json json = to_json(busy_memory());
  json["evaluator"].erase("best_step");
  try {
    run_memory_from(json, "checkpoints/step-000007");
    FAIL() << "read";
  } catch (const UserError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("checkpoints/step-000007: a state that cannot be read ("));
    EXPECT_THAT(e.what(), testing::HasSubstr("key 'best_step' not found"));
    EXPECT_THAT(e.what(),
                testing::HasSubstr("wanted: the trainer_state.json of a checkpoint of this version"));
  }
}

}  // namespace
}  // namespace keel
