// What the report of a run says of its rows and tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "app/program.h"

namespace keel {
namespace {

using test::run_keel;
using testing::ElementsAre;
using testing::HasSubstr;

class RunReport : public test::TrainingTest {
 protected:
  void SetUp() override {
    TrainingTest::SetUp();
    test::make_rows(dir_ / "held.jsonl", 10);
  }

  Json summary(const std::string& more) const {
    const auto run = run_keel(train_args("run", "--eval_dataset " + path("held.jsonl") +
                                                    " --max_new_tokens 4 --sample_count 2 "
                                                    "--max_steps 20 " +
                                                    more));
    EXPECT_EQ(run.code, 0) << run.text;
    return read_json(dir_ / "run/summary.json");
  }

  // By keel eval: of each row of held.jsonl the loss of its trained tokens, in their order.
  std::vector<std::vector<double>> losses(const std::string& model) const {
    const auto eval =
        run_keel("eval --model_name_or_path " + path(model) + " --dataset " + path("held.jsonl") +
                 " --per_token true --precision fp32 --threads 1 --output_dir " + path("eval"));
    EXPECT_EQ(eval.code, 0) << eval.text;
    std::vector<std::vector<double>> out;
    std::ifstream lines(dir_ / "eval/per_token.jsonl");
    for (std::string line; std::getline(lines, line);) {
      out.emplace_back();
      const Json row = Json::parse(line);
      for (const Json& nll : row.at("nll"))
        if (nll.get<double>() != 0) out.back().push_back(nll.get<double>());
    }
    return out;
  }

  static const Json& row_of(const Json& summary, const std::string& name) {
    for (const Json& row : summary["tables"][0]["rows"])
      if (row[0] == name) return row;
    static const Json kNone;
    return kNone;
  }
};

double number(const std::string& text) { return std::stod(text); }

TEST_F(RunReport, ReadsTheRightRepliesBeforeAndAfterTokenByToken) {
  const Json s = summary("--token_weighting nlirg --load_best_model_at_end false");
  const auto before = losses("model"), after = losses("run/model");
  ASSERT_EQ(s["samples"].size(), 2U);
  for (const size_t i : {0U, 1U}) {
    const Json& tokens = s["samples"][i]["tokens"];
    EXPECT_THAT(tokens["text"].dump(), HasSubstr("<|im_end|>"));
    ASSERT_EQ(tokens["readings"].size(), 2U);
    for (const auto& [reading, nll] :
         {std::pair(tokens["readings"][0], before[i * 5]), std::pair(tokens["readings"][1], after[i * 5])}) {
      ASSERT_EQ(reading["nll"].size(), nll.size());
      ASSERT_EQ(tokens["text"].size(), nll.size()) << "a letter is a token";
      for (size_t t = 0; t < nll.size(); ++t) {
        const double loss = reading["nll"][t];
        EXPECT_NEAR(loss, nll[t], 5e-5 + 1e-5 * nll[t]) << "four digits, and fp32 in another batch";
        if (t + 1 == nll.size() || loss >= 3) continue;  // the end of turn has weight_eos
        // The steepest slope is 1.7 / 4, and both are printed with four digits.
        EXPECT_NEAR(reading["weight"][t].get<double>(), 1 / (1 + std::exp(-1.7 * (loss - 1.2))),
                    5e-5 * (1 + 1.7 / 4));
      }
    }
  }
  const std::string page = read_text(dir_ / "run/report.html");
  EXPECT_THAT(page, HasSubstr("Tokens of the right replies"));
}

TEST_F(RunReport, AWeightingThatLooksFurtherThanTheTokenShowsNoWeight) {
  for (const char* weighting : {"none", "stm", "gem", "nlirg --weighting_control permuted"}) {
    const Json s = summary(std::string("--overwrite_output_dir true --token_weighting ") + weighting);
    EXPECT_TRUE(s["samples"][0]["tokens"]["readings"][1]["weight"].empty()) << weighting;
  }
}

TEST_F(RunReport, TellsTheChangeWithItsInterval) {
  const Json s = summary("");
  const Json& row = row_of(s, "domain, loss per token");
  ASSERT_EQ(row.size(), 5U);
  const double change = number(row[2]) - number(row[1]);
  EXPECT_NEAR(number(row[3]), change, 1.5e-4);
  const auto interval = row[4].get<std::string>();
  const double low = number(interval), high = number(interval.substr(interval.find("to ") + 3));
  EXPECT_LT(low, change);
  EXPECT_GT(high, change);
  EXPECT_LT(high, 0) << "every row is learned";
}

TEST_F(RunReport, UnderEightRowsThereIsNoInterval) {
  test::make_rows(dir_ / "held.jsonl", 7);
  EXPECT_EQ(row_of(summary(""), "domain, loss per token")[4], "");
}

TEST_F(RunReport, TellsWhichRowsCouldNotBeUsed) {
  std::ofstream(dir_ / "rows.jsonl", std::ios::app) << R"({"instruction": 5, "output": "a"})"
                                                    << "\n";
  const Json s = summary("--max_rejected 0.5");
  EXPECT_THAT(s["tables"].back()["rows"],
              ElementsAre(Json{"instruction: the number 5, wanted text", 1, path("rows.jsonl") + ":41"}));
}

}  // namespace
}  // namespace keel
