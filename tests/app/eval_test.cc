// keel eval --suite: tables, files, comparison, gates and refusals of the real program.
#include <gmock/gmock.h>

#include "app/program.h"

namespace keel::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// 48 letters to say and 20 texts, for a model that a short training teaches the letters.
class EvalSuite : public TrainingTest {
 protected:
  void SetUp() override {
    TrainingTest::SetUp();
    std::string letters, texts;
    for (int i = 0; i < 48; ++i) {
      const std::string letter(1, static_cast<char>('a' + i % 8));
      letters += Json{{"id", "say" + std::to_string(i)},
                      {"type", "exact"},
                      {"dimension", "letters"},
                      {"prompt", "say " + letter + " " + std::to_string(i + 40)},
                      {"answer", letter + letter + letter}}
                     .dump() +
                 "\n";
    }
    for (int i = 0; i < 20; ++i)
      texts += Json{{"text", "the tide comes in and out, day " + std::to_string(i)}}.dump() + "\n";
    write_file(dir_ / "letters.jsonl", letters);
    write_file(dir_ / "texts.jsonl", texts);
    write_suite("");
  }

  void write_suite(const std::string& more) {
    write_file(dir_ / "suite.yaml",
               "name: small\n" + more +
                   "groups:\n"
                   "  - {name: letters, file: letters.jsonl, options: {max_new_tokens: 8}}\n"
                   "  - {name: tide, type: nll, dimension: tide, file: texts.jsonl}\n");
  }

  Outcome eval(const std::string& model, const std::string& more) const {
    return run_keel("eval --model_name_or_path " + path(model) + " --precision fp32 --threads 1 --suite " +
                    path("suite.yaml") + " " + more);
  }

  std::vector<Json> items(const std::string& folder) const {
    std::istringstream in(read_text(dir_ / (folder + "/items.jsonl")));
    std::vector<Json> rows;
    for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
    return rows;
  }
};

TEST_F(EvalSuite, WritesATableAnItemALineAndResults) {
  const Outcome out = eval("model", "--output_dir " + path("e"));
  ASSERT_EQ(out.code, 0) << out.text;
  for (const char* part : {"dimension  measure", "letters    acc          48", "tide       nll          20",
                           "total      stops        48", "total      acc          48"})
    EXPECT_THAT(out.text, HasSubstr(part));
  const auto rows = items("e");
  ASSERT_EQ(rows.size(), 68U);
  EXPECT_EQ(rows[0]["id"], "say0");
  EXPECT_TRUE(rows[0].contains("answer") && rows[0].contains("right") && rows[0].contains("stopped"));
  double nll = 0, tokens = 0;
  for (const Json& r : rows)
    if (r["type"] == "nll") nll += r["nll"].get<double>(), tokens += r["tokens"].get<double>();
  const Json results = read_json(dir_ / "e/results.json");
  EXPECT_NEAR(results["results"]["small_tide"]["nll,none"].get<double>(), nll / tokens, 1e-12);
  EXPECT_EQ(results["n-samples"]["small_letters"]["effective"], 48);
  EXPECT_EQ(results["config"]["model"], "keel");
  EXPECT_FALSE(results.contains("comparison"));
  // The same texts through --dataset: one measure, two ways.
  const Outcome files = run_keel("eval --stage cpt --precision fp32 --threads 1 --model_name_or_path " +
                                 path("model") + " --dataset " + path("texts.jsonl"));
  ASSERT_EQ(files.code, 0) << files.text;
  const Json line = Json::parse(files.text.substr(files.text.find("{\"")));
  EXPECT_NEAR(line["nll"].get<double>(), nll / tokens, 1e-5);
}

TEST_F(EvalSuite, TheHalvesTogetherAreTheWhole) {
  size_t together = 0;
  for (const std::string split : {"monitor", "final"}) {
    const Outcome out = eval("model", "--split " + split + " --output_dir " + path(split));
    ASSERT_EQ(out.code, 0) << out.text;
    const size_t half = items(split).size();
    EXPECT_GT(half, 20U);
    EXPECT_LT(half, 48U);
    together += half;
    EXPECT_EQ(read_json(dir_ / (split + "/results.json"))["n-samples"]["small_letters"]["original"], 48);
  }
  EXPECT_EQ(together, 68U);
}

TEST_F(EvalSuite, ComparesWithTheBaseAndCrossesAGate) {
  const Outcome trained = run_keel(train_args("run", "--num_train_epochs 20"));
  ASSERT_EQ(trained.code, 0) << trained.text;
  write_suite("gates:\n  letters: {min_acc: 0.5}\n  tide: {max_nll_rise: 0.02}\n");
  const Outcome out = eval("run/model", "--against " + path("model") + " --output_dir " + path("e"));
  ASSERT_EQ(out.code, 3) << out.text;
  EXPECT_THAT(out.text, HasSubstr("gate crossed: tide max_nll_rise"));
  EXPECT_THAT(out.text, HasSubstr("suite.yaml:4"));
  EXPECT_THAT(out.text, Not(HasSubstr("gate crossed: letters")));
  const Json comparison = read_json(dir_ / "e/results.json")["comparison"]["rows"];
  EXPECT_EQ(comparison[0]["dimension"], "letters");
  EXPECT_EQ(comparison[0]["verdict"], "better");
  EXPECT_GT(comparison[0]["won"].get<int>(), 24);
  EXPECT_EQ(comparison[0]["before"], 0);
  EXPECT_LT(comparison[0]["mcnemar_p"].get<double>(), 1e-6);
  EXPECT_EQ(comparison[1]["verdict"], "worse");
  // The base's items were kept, and a folder of items says the same as the model.
  const Outcome again = eval("run/model", "--against " + path("e/against") + " --output_dir " + path("f"));
  EXPECT_EQ(again.code, 3) << again.text;
  EXPECT_EQ(read_json(dir_ / "f/results.json")["comparison"]["rows"], comparison);
}

TEST_F(EvalSuite, AModelAgainstItselfShowsNothing) {
  ASSERT_EQ(eval("model", "--output_dir " + path("e")).code, 0);
  const Outcome out = eval("model", "--against " + path("e"));
  ASSERT_EQ(out.code, 0) << out.text;
  EXPECT_THAT(out.text,
              testing::ContainsRegex("letters .* 0/0 +1.0000  not enough data .about [0-9]+ items"));
  EXPECT_THAT(out.text,
              testing::ContainsRegex("tide .*\\+0.0000  \\[\\+0.0000, \\+0.0000\\] +no difference"));
}

TEST_F(EvalSuite, GatesOfAChangeWaitForABase) {
  write_suite("gates: {letters: {max_acc_drop: 0.1}}\n");
  const Outcome out = eval("model", "");
  EXPECT_EQ(out.code, 0);
  EXPECT_THAT(out.text, HasSubstr("suite.yaml:2: gate max_acc_drop of letters is not checked"));
}

TEST_F(EvalSuite, AFileOfProbesIsASuite) {
  const Outcome out = run_keel("eval --model_name_or_path " + path("model") + " --precision fp32 --suite " +
                               path("letters.jsonl") + " --split monitor");
  EXPECT_EQ(out.code, 0) << out.text;
  EXPECT_THAT(out.text, HasSubstr("letters    acc"));
}

TEST_F(EvalSuite, QuestionsInSeveralFormsAndTalksAreDimensionsOfTheirOwn) {
  write_file(dir_ / "letters.jsonl",
             R"({"id": "r", "type": "robust", "prompt": "one?", "rewordings": ["1?"], "reordered": "? one", )"
             R"("check": {"type": "contains", "accept": ["x"]}})"
             "\n"
             R"({"id": "d", "type": "dialogue", "turns": [{"user": "hello"}, {"user": "one?", )"
             R"("skill": "switch", "check": {"type": "contains", "accept": ["x"]}}]})"
             "\n");
  write_file(dir_ / "suite.yaml",
             "name: small\nweights: {talk-switch: 2}\ngates: {talk-switch: {max_recover: 5}}\ngroups:\n"
             "  - name: talk\n    dimension: talk\n    file: letters.jsonl\n"
             "    options: {max_new_tokens: 4, context: short.jsonl}\n");
  write_file(dir_ / "short.jsonl", "{\"text\": \"the tide comes in\"}\n");
  const Outcome out = eval("model", "--output_dir " + path("e"));
  ASSERT_EQ(out.code, 0) << out.text;
  for (const char* part : {"talk-plain ", "talk-reworded ", "talk-reordered ", "talk-long ", "talk-switch ",
                           "drop ", "recover "})
    EXPECT_THAT(out.text, HasSubstr(part));
  const auto rows = items("e");
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[3]["part_of"], "r");
  EXPECT_EQ(rows[4]["variant"], "switch");
  const Outcome again = eval("model", "--against " + path("e"));
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text, testing::ContainsRegex("talk-long +drop +1 "));
}

TEST_F(EvalSuite, MistakesAreNamedBeforeAModelIsLoaded) {
  write_file(dir_ / "suite.yaml",
             "name: small\ngroups:\n  - name: a\n    type: exakt\n    file: letters.jsonl\n"
             "  - {name: b, file: nowhere.jsonl}\n");
  const Outcome out = eval("no_model", "");
  EXPECT_EQ(out.code, 2);
  EXPECT_THAT(out.text, HasSubstr("2 mistakes in the suite:"));
  EXPECT_THAT(out.text, HasSubstr("suite.yaml:4: type \"exakt\""));
  EXPECT_THAT(out.text, HasSubstr("\"exact\" may be meant"));
  EXPECT_THAT(out.text, HasSubstr("nowhere.jsonl"));
  const std::string model = "eval --model_name_or_path " + path("model") + " ";
  EXPECT_THAT(run_keel(model + "--suite nothing").text, HasSubstr("no bundled suite of that name"));
  EXPECT_THAT(
      run_keel(model + "--suite " + path("letters.jsonl") + " --against " + dir_.path().string()).text,
      HasSubstr("holds neither a model nor items.jsonl"));
  EXPECT_THAT(run_keel(model + "--split final --dataset " + path("rows.jsonl")).text,
              HasSubstr("split: given without a suite"));
  EXPECT_THAT(run_keel(model + "--suite general --dataset " + path("rows.jsonl")).text,
              HasSubstr("suite: given together with dataset"));
  EXPECT_THAT(run_keel(model).text, HasSubstr("one or more files, or --suite (general)"));
}

TEST_F(EvalSuite, WhatIsTooLongForTheModelIsNamedAndNothingIsWritten) {
  write_file(dir_ / "letters.jsonl", Json{{"id", "a"},
                                          {"type", "choice"},
                                          {"prompt", "x"},
                                          {"choices", {"y", std::string(600, 'z')}},
                                          {"answer_index", 0}}
                                             .dump() +
                                         "\n");
  const Outcome out = eval("model", "--output_dir " + path("e"));
  EXPECT_EQ(out.code, 2);
  EXPECT_THAT(out.text,
              testing::ContainsRegex("letters.jsonl:1: choice 1 with its prompt has 6[0-9]+ tokens"));
  EXPECT_FALSE(fs::exists(dir_ / "e"));
}

}  // namespace
}  // namespace keel::test
