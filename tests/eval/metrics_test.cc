#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/fs.h"
#include "eval/generate.h"
#include "eval/probes.h"
#include "eval/repetition.h"
#include "support/paths.h"

namespace keel {
namespace {

TEST(Repetition, CountsDistinctNgrams) {
  const std::vector<int32_t> same{7, 7, 7, 7, 7};  // four bigrams, one distinct
  EXPECT_DOUBLE_EQ(repetition(same, 2), 0.75);
  EXPECT_DOUBLE_EQ(repetition(std::vector<int32_t>{1, 2, 3, 4}, 2), 0);
  EXPECT_DOUBLE_EQ(repetition(std::vector<int32_t>{1}, 4), 0);
  EXPECT_DOUBLE_EQ(distinct_bigrams(std::vector<std::vector<int32_t>>{{1, 2}, {1, 2}}), 0.5);
  EXPECT_EQ(longest_repeated_suffix(std::vector<int32_t>{9, 1, 2, 3, 1, 2, 3}), 3u);
  EXPECT_EQ(longest_repeated_suffix(std::vector<int32_t>{1, 2, 3}), 0u);
}

TEST(ChooseToken, GreedyTakesTheFirstLargest) {
  EXPECT_EQ(choose_token(std::vector<float>{0, 3, 3, 1}, {}, 0.9), 1);
}

TEST(ChooseToken, TopKAndTopPCutTheTail) {
  const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.2F)};
  const GenerateOptions all{.temperature = 1};
  EXPECT_EQ(choose_token(logits, all, 0.49), 0);
  EXPECT_EQ(choose_token(logits, all, 0.51), 1);
  EXPECT_EQ(choose_token(logits, all, 0.999), 2);
  EXPECT_EQ(choose_token(logits, {.temperature = 1, .top_k = 2}, 0.999), 1);
  EXPECT_EQ(choose_token(logits, {.temperature = 1, .top_p = 0.5}, 0.999), 0);
  EXPECT_EQ(choose_token(logits, {.temperature = 1, .top_p = 0.6}, 0.999), 1);
}

std::string load_error(const std::string& line) {
  const test::TempDir dir;
  write_file(dir / "p.jsonl", line + "\n");
  try {
    load_probes(dir / "p.jsonl");
  } catch (const UserError& e) {
    return e.text().found;
  }
  return "no error";
}

TEST(Probes, BadRowsAreNamed) {
  EXPECT_EQ(load_error(R"({"id":"a"})"), "a probe without a text \"prompt\"");
  EXPECT_EQ(load_error(R"({"prompt":"x","type":"magic"})"), "probe type \"magic\"");
  EXPECT_EQ(load_error(R"({"prompt":"x","type":"number"})"), "a number probe without \"answer\"");
  EXPECT_EQ(load_error(R"({"prompt":"x","type":"constraint","constraint":{"max_wrods":1}})"),
            "unknown constraint \"max_wrods\"");
  EXPECT_EQ(load_error(""), "no probe in the file");
}

TEST(Probes, BundledFilesLoadAndTheirReferencesPass) {
  const auto harbour = load_probes(test::source_dir() / "examples/harbor/heldout.jsonl");
  EXPECT_GE(harbour.size(), 60u);
  for (const Probe& p : harbour) {
    EXPECT_TRUE(check_answer(p, p.spec["answer"].get<std::string>())) << p.id;
    EXPECT_FALSE(check_answer(p, p.spec["choices"][1].get<std::string>())) << p.id;
  }
  EXPECT_GE(load_probes(test::source_dir() / "examples/general/probes.jsonl").size(), 120u);
}

TEST(Probes, SummaryAveragesPerDimension) {
  const ProbeSummary s =
      summarise({{.id = "a", .dimension = "math", .right = true, .stopped = true, .rep4 = 0.5},
                 {.id = "b", .dimension = "math", .right = false, .stopped = false},
                 {.id = "c", .dimension = "format", .right = true, .stopped = true}});
  EXPECT_DOUBLE_EQ(s.accuracy, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.stop_rate, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.by_dimension.at("math"), 0.5);
  EXPECT_DOUBLE_EQ(s.rep4, 0.5 / 3);
  // A choice is right or wrong, but nothing that ends or repeats itself.
  const ProbeSummary with_choice =
      summarise({{.id = "a", .right = true, .stopped = false, .rep4 = 0.5}, {.id = "b", .type = "choice"}});
  EXPECT_DOUBLE_EQ(with_choice.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(with_choice.stop_rate, 0);
  EXPECT_DOUBLE_EQ(with_choice.rep4, 0.5);
}

}  // namespace
}  // namespace keel
