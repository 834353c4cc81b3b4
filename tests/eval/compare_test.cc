#include "eval/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "base/fs.h"
#include "eval/results_json.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::HasSubstr;

ProbeResult item(const std::string& dimension, int number, bool right) {
  return {
      .id = std::to_string(number), .dimension = dimension, .right = right, .type = "exact", .group = "g"};
}

// Items of which `same` are right both times, `lost` before only, `won` afterwards only.
void add_items(const std::string& dimension, int lost, int won, int same, std::vector<ProbeResult>& before,
               std::vector<ProbeResult>& after) {
  for (int i = 0; i < lost + won + same; ++i) {
    const int number = static_cast<int>(before.size());
    before.push_back(item(dimension, number, i < lost || i >= lost + won));
    after.push_back(item(dimension, number, i >= lost));
  }
}

ProbeResult text(int number, double nll, int64_t tokens) {
  return {.id = "t" + std::to_string(number),
          .dimension = "text",
          .type = "nll",
          .nll = nll,
          .tokens = tokens,
          .group = "t"};
}

TEST(Scores, MeansErrorsAndTheWeightedTotal) {
  std::vector<ProbeResult> results{item("math", 0, true), item("math", 1, false),  item("math", 2, true),
                                   item("math", 3, true), item("words", 4, false), text(0, 30, 10),
                                   text(1, 10, 10)};
  results[0].stopped = false;
  results[0].rep4 = 0.5;
  const Suite suite{.weights = {{"math", 3}}};
  const auto scores = scores_of(results, suite);
  ASSERT_EQ(scores.size(), 6U);
  EXPECT_EQ(scores[0].dimension, "math");
  EXPECT_DOUBLE_EQ(scores[0].value, 0.75);
  EXPECT_DOUBLE_EQ(scores[0].error, 0.25);  // √(0.75·0.25/3)
  EXPECT_EQ(scores[1].error, 0);            // one item
  EXPECT_EQ(scores[2].measure, "nll");
  EXPECT_DOUBLE_EQ(scores[2].value, 2);
  EXPECT_DOUBLE_EQ(scores[2].error, 1);  // 3 and 1 a token, equal sizes: deviation √2 over √2
  EXPECT_EQ(scores[3].measure, "stops");
  EXPECT_DOUBLE_EQ(scores[3].value, 0.8);
  EXPECT_DOUBLE_EQ(scores[4].value, 0.1);
  EXPECT_EQ(scores[5].dimension, "total");
  EXPECT_DOUBLE_EQ(scores[5].value, 0.75 * 0.75);
}

TEST(Scores, ItemsComeBackFromTheirFile) {
  const test::TempDir dir;
  std::vector<ProbeResult> results{item("math", 0, true), text(1, 2.5, 7)};
  results[0].answer = "four";
  results[0].choice_scores = {1.5, 2.25};
  results[1].content = 0xfedcba9876543210ULL;
  write_file(dir / "items.jsonl", items_text(results));
  const auto read = read_items(dir / "items.jsonl");
  EXPECT_EQ(items_text(read), items_text(results));
  EXPECT_EQ(read[1].content, results[1].content);
  write_file(dir / "items.jsonl", "{\"id\": \"a\"}\n");
  EXPECT_THAT(test::error_of([&] { read_items(dir / "items.jsonl"); }),
              HasSubstr("items.jsonl:1: not a line of keel eval"));
}

ProbeResult part(const std::string& row, const std::string& variant, bool right) {
  return {.id = row + "#" + variant,
          .dimension = "d-" + variant,
          .right = right,
          .group = "g",
          .part_of = row,
          .variant = variant};
}

std::optional<Score> score_in(const std::vector<Score>& scores, const std::string& dimension,
                              const std::string& measure) {
  for (const Score& s : scores)
    if (s.dimension == dimension && s.measure == measure) return s;
  return std::nullopt;
}

TEST(Scores, PartsOfOneRowAreOneItem) {
  // Two rows with two rewordings each: shares 1 and 0.5, so that the error is that of two items, not of four.
  const std::vector<ProbeResult> results{part("a", "plain", true),     part("a", "reworded", true),
                                         part("a", "reworded", true),  part("b", "plain", true),
                                         part("b", "reworded", false), part("b", "reworded", true)};
  const auto scores = scores_of(results, {});
  const Score acc = *score_in(scores, "d-reworded", "acc"), drop = *score_in(scores, "d-reworded", "drop");
  EXPECT_EQ(acc.items, 2);
  EXPECT_DOUBLE_EQ(acc.value, 0.75);
  EXPECT_DOUBLE_EQ(acc.error, 0.25);  // √(2·(0.5² + 0.5²))/4
  EXPECT_EQ(drop.items, 2);
  EXPECT_DOUBLE_EQ(drop.value, 0.25);
  EXPECT_FALSE(score_in(scores, "d-plain", "drop"));
}

TEST(Scores, TurnsToRecoverAreCountedUntilTheFirstRightReply) {
  const std::vector<ProbeResult> results{part("a", "switch", false), part("a", "switch", true),
                                         part("a", "switch", false),                               // 1
                                         part("b", "switch", true),                                // 0
                                         part("c", "switch", false), part("c", "switch", false)};  // 2, never
  const auto scores = scores_of(results, {});
  EXPECT_DOUBLE_EQ(score_in(scores, "d-switch", "recover")->value, 1);
  EXPECT_EQ(score_in(scores, "d-switch", "recover")->items, 3);
  EXPECT_DOUBLE_EQ(score_in(scores, "d-switch", "acc")->value, 2.0 / 6);
}

TEST(Scores, ADimensionWithoutWeightIsNotInTheTotal) {
  const Suite suite{.weights = {{"words", 0}}};
  const auto scores = scores_of(std::vector{item("math", 0, true), item("words", 1, false)}, suite);
  const Score total = *score_in(scores, "total", "acc");
  EXPECT_EQ(total.items, 1);
  EXPECT_DOUBLE_EQ(total.value, 1);
}

TEST(Compare, ADivergedModelIsWorseAndHoldsNoBound) {
  std::vector<ProbeResult> before, after;
  for (int i = 0; i < 10; ++i) before.push_back(text(i, 20, 10)), after.push_back(text(i, 20, 10));
  after[3].nll = std::nan("");
  const test::TempDir dir;
  write_file(dir / "items.jsonl", items_text(after));
  const auto read = read_items(dir / "items.jsonl");
  EXPECT_TRUE(std::isnan(read[3].nll));
  const Suite suite{.gates = {{"text", "max_nll", "s:1", 100}, {"text", "max_nll_rise", "s:2", 100}}};
  const Comparison c = compare(before, read, suite);
  EXPECT_EQ(c.rows.at(0).verdict, Verdict::worse);
  EXPECT_EQ(check_gates(suite, scores_of(read, suite), &c).crossed.size(), 2U);
  const Comparison back = compare(read, before, suite);
  EXPECT_TRUE(back.rows.empty());
  EXPECT_THAT(back.notes.at(0), HasSubstr("nll of text: the other model's is not a number"));
}

TEST(Compare, CountsWhatWasLostAndWon) {
  std::vector<ProbeResult> before, after;
  add_items("math", 12, 1, 87, before, after);
  add_items("words", 2, 3, 5, before, after);
  const Comparison c = compare(before, after, {});
  const Difference& math = c.rows.at(0);
  EXPECT_EQ(math.items, 100);
  EXPECT_EQ(math.lost, 12);
  EXPECT_EQ(math.won, 1);
  EXPECT_NEAR(math.after - math.before, -0.11, 1e-12);
  EXPECT_NEAR(*math.p, 0.00341796875, 1e-12);  // 2·(1 + 13)/2¹³
  EXPECT_EQ(verdict_text(math), "worse");
  EXPECT_LT(math.interval.high, 0);
  EXPECT_EQ(c.rows.at(1).verdict, Verdict::not_enough_data);
  EXPECT_THAT(verdict_text(c.rows.at(1)),
              testing::MatchesRegex("not enough data \\(about [0-9]+ items would do\\)"));
  EXPECT_EQ(c.rows.back().dimension, "total");
  EXPECT_EQ(c.rows.back().lost, 14);
  EXPECT_NEAR(c.rows.back().after - c.rows.back().before, (-0.11 + 0.1) / 2, 1e-12);
}

TEST(Compare, ManyItemsWithoutADifferenceAreEnough) {
  std::vector<ProbeResult> before, after;
  add_items("math", 20, 22, 958, before, after);
  EXPECT_EQ(verdict_text(compare(before, after, {}).rows.at(0)), "no difference shown");
}

TEST(Compare, NllIsComparedTokenByToken) {
  std::vector<ProbeResult> before, after;
  for (int i = 0; i < 30; ++i) {
    before.push_back(text(i, 3.0 * (50 + i), 50 + i));
    after.push_back(text(i, (3.05 + 0.01 * (i % 3)) * (50 + i), 50 + i));
  }
  const Difference worse = compare(before, after, {}).rows.at(0);
  EXPECT_NEAR(worse.before, 3, 1e-12);
  EXPECT_NEAR(worse.after, 3.06, 1e-3);
  EXPECT_EQ(worse.verdict, Verdict::worse);
  EXPECT_FALSE(worse.p);
  EXPECT_EQ(compare(after, before, {}).rows.at(0).verdict, Verdict::better);
  const auto few = compare(std::span(before).first(5), std::span(after).first(5), {}).rows.at(0);
  EXPECT_EQ(few.verdict, Verdict::not_enough_data);
  after[0].tokens += 1;  // another tokenizer
  const Comparison other = compare(before, after, {});
  EXPECT_TRUE(other.rows.empty());
  EXPECT_THAT(other.notes.at(0), HasSubstr("count different tokens"));
}

TEST(Compare, OnlyTheSameItemsAreCompared) {
  std::vector<ProbeResult> before, after;
  add_items("math", 1, 1, 8, before, after);
  after.push_back(item("math", 77, true));
  const Comparison c = compare(before, after, {});
  EXPECT_EQ(c.rows.at(0).items, 10);
  EXPECT_THAT(c.notes.at(0),
              HasSubstr("compared: 10 items; left out: 0 that only the other evaluation has, 1"));
  after[3].content = 1;
  EXPECT_THAT(test::error_of([&] { compare(before, after, {}); }),
              HasSubstr("item g/3 is not the same in both evaluations"));
  EXPECT_THAT(test::error_of([&] { compare({}, after, {}); }), HasSubstr("no item in common"));
}

TEST(Gates, AreCrossedByWhatIsWorseThanTheLimit) {
  std::vector<ProbeResult> before, after;
  add_items("math", 12, 1, 87, before, after);
  before.push_back(text(0, 20, 10));
  after.push_back(text(0, 22, 10));
  const Suite suite{.gates = {{"math", "max_acc_drop", "s:1", 0.1},
                              {"math", "max_acc_drop", "s:2", 0.12},
                              {"math", "min_acc", "s:3", 0.9},
                              {"math", "min_acc", "s:4", 0.5},
                              {"text", "max_nll_rise", "s:5", 0.09},
                              {"text", "max_nll_rise", "s:6", 0.11},
                              {"text", "max_nll", "s:7", 2.1},
                              {"math", "max_rep4", "s:8", 0.1}}};
  const auto scores = scores_of(after, suite);
  const Comparison comparison = compare(before, after, suite);
  std::vector<std::string> crossed;
  const GateResult gates = check_gates(suite, scores, &comparison);
  for (const Crossing& c : gates.crossed) crossed.push_back(c.gate.where);
  EXPECT_THAT(crossed, testing::ElementsAre("s:1", "s:3", "s:5", "s:7"));
  EXPECT_NEAR(gates.crossed[0].value, 0.11, 1e-12);
  EXPECT_NEAR(gates.crossed[2].value, 0.1, 1e-12);
  ASSERT_EQ(gates.unchecked.size(), 1U);  // math has no rep4 of its own
  EXPECT_EQ(gates.unchecked[0].why, "no item of it in this split");
  const auto alone = check_gates(suite, scores, nullptr).unchecked;
  ASSERT_EQ(alone.size(), 5U);
  EXPECT_EQ(alone[0].why, "nothing to compare with: --against MODEL");
}

TEST(ResultsJson, HasTheHarnesssShape) {
  std::vector<ProbeResult> results{item("math", 0, true), item("math", 1, false), text(0, 30, 10)};
  const Suite suite{.name = "s"};
  const auto scores = scores_of(results, suite);
  const Json out = results_json({.suite = suite,
                                 .scores = scores,
                                 .all_items = {{"math", 5}, {"text", 1}},
                                 .config = {{"model", "keel"}},
                                 .seconds = 2});
  EXPECT_DOUBLE_EQ(out["results"]["s_math"]["acc,none"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(out["results"]["s_math"]["acc_stderr,none"].get<double>(), 0.5);
  EXPECT_EQ(out["results"]["s_math"]["alias"], " - math");
  EXPECT_DOUBLE_EQ(out["results"]["s_text"]["nll,none"].get<double>(), 3);
  EXPECT_DOUBLE_EQ(out["results"]["s"]["acc,none"].get<double>(), 0.5);
  EXPECT_EQ(out["groups"]["s"], out["results"]["s"]);
  EXPECT_EQ(out["group_subtasks"]["s"], Json({"s_math", "s_text"}));
  EXPECT_EQ(out["n-samples"]["s_math"], Json({{"original", 5}, {"effective", 2}}));
  EXPECT_EQ(out["higher_is_better"]["s_text"]["nll"], false);
  EXPECT_EQ(out["versions"]["s_math"], 1);
  EXPECT_EQ(out["config"]["model"], "keel");
}

}  // namespace
}  // namespace keel
