#include "eval/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "eval/probe_files.h"
#include "support/error_of.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::HasSubstr;

class SuiteFile : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { write_file(dir_ / name, text); }

  Suite read(const std::string& description) {
    problems_.clear();
    const PlaceOf place = [](const std::string& pointer) { return "suite.yaml" + pointer; };
    return read_suite(parse_json(description, "test"), place, dir_.path(), problems_);
  }

  // All problems of a description, as a user sees them.
  std::string refusal(const std::string& description) {
    read(description);
    return test::error_of([&] { throw_suite_problems(problems_); });
  }

  std::vector<Probe> probes(const std::string& name, const ProbeFileOptions& options) {
    problems_.clear();
    return read_probe_files(dir_ / name, options, problems_);
  }

  test::TempDir dir_;
  std::vector<ErrorText> problems_;
};

constexpr const char* kGood =
    R"({"id": "a", "dimension": "math", "type": "number", "prompt": "1+1?", "answer": 2}
{"id": "b", "dimension": "words", "type": "exact", "prompt": "Say yes.", "answer": "yes"}
)";

TEST_F(SuiteFile, GroupsWeightsAndGatesAreRead) {
  write("p.jsonl", kGood);
  write("t.jsonl", "{\"text\": \"The tide comes in.\"}\n{\"text\": \"The tide goes out.\"}\n");
  const Suite suite = read(R"({"name": "s", "weights": {"math": 3}, "gates": {"total": {"max_acc_drop": 0.1}},
    "groups": [{"name": "p", "file": "p.jsonl", "options": {"max_new_tokens": 7, "system": "Be brief."}},
               {"name": "t", "type": "nll", "dimension": "text", "file": "t.jsonl"}]})");
  EXPECT_TRUE(problems_.empty());
  ASSERT_EQ(suite.groups.size(), 2U);
  EXPECT_EQ(suite.groups[0].probes[0].type, "number");
  EXPECT_EQ(suite.groups[0].max_new_tokens, 7);
  EXPECT_EQ(suite.groups[0].system, "Be brief.");
  EXPECT_EQ(suite.groups[1].probes[1].dimension, "text");
  EXPECT_EQ(suite.groups[1].probes[1].spec["text"], "The tide goes out.");
  EXPECT_NE(suite.groups[1].probes[0].id, suite.groups[1].probes[1].id);
  EXPECT_EQ(suite.weight("math"), 3);
  EXPECT_EQ(suite.weight("words"), 1);
  EXPECT_EQ(suite.gates[0].limit, 0.1);
}

TEST_F(SuiteFile, AllMistakesAreToldAtOnceWithTheNearestName) {
  write("p.jsonl", kGood);
  const std::string text = refusal(R"({"name": "s", "wieghts": {}, "groups": [
    {"name": "a", "file": "p.jsonl", "type": "choise"},
    {"name": "a", "file": "p.jsonl", "format": "gsm9k", "options": {"score": "men", "max_items": 0}},
    {"name": "c"}, {"name": "d", "file": "p.jsonl", "format": "mmlu", "type": "number"}]})");
  for (const char* part :
       {"8 mistakes in the suite:", "suite.yaml/wieghts: unknown key \"wieghts\"", "\"weights\" may be meant",
        "suite.yaml/groups/0/type: type \"choise\"", "\"choice\" may be meant",
        "suite.yaml/groups/1/name: a second group \"a\"", "format \"gsm9k\"", "\"gsm8k\" may be meant",
        "score \"men\"; wanted: mean, sum, letter", "max_items: 0; wanted: a whole number, at least 1",
        "group \"c\" without a file", "type number with format mmlu"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(SuiteFile, GatesAndWeightsNameWhatIsThere) {
  write("p.jsonl", kGood);
  const std::string groups = R"("groups": [{"name": "p", "file": "p.jsonl"}])";
  EXPECT_THAT(refusal(R"({"gates": {"math": {"max_acc_dropp": 1}}, )" + groups + "}"),
              HasSubstr("suite.yaml/gates/math/max_acc_dropp: unknown gate \"max_acc_dropp\""));
  const std::string unknown = refusal(R"({"weights": {"mth": 1}, )" + groups + "}");
  EXPECT_THAT(unknown, HasSubstr("no probe has the dimension \"mth\""));
  EXPECT_THAT(unknown, HasSubstr("\"math\" may be meant"));
  EXPECT_THAT(refusal(R"({"weights": {"math": -1}, )" + groups + "}"), HasSubstr("weight -1"));
  EXPECT_THAT(refusal(R"({"name": "s"})"), HasSubstr("no list of groups"));
}

TEST_F(SuiteFile, BadRowsAreNamedByFileAndLine) {
  write("p.jsonl", R"({"id": "a", "type": "number", "prompt": "x", "answr": 2}
{"id": "b", "type": "choice", "prompt": "x", "choices": ["u", "v"]}
{"id": "c", "type": "choice", "prompt": "x", "choices": ["u", "v"], "answer_index": 2}
{"id": "d", "type": "constraint", "prompt": "x", "constraint": {"max_wrods": 1, "bullets": "two"}}
{"id": "e", "type": "exact", "prompt": "x", "answer": "y"}
{"id": "e", "type": "exact", "prompt": "x", "answer": "y"}
{"id": "f", "type": "regex", "prompt": "x", "pattern": "(a"}
{"id": "g", "type": "exakt", "prompt": "x", "answer": "y"}
{"id": "h", "type": "exact", "answer": "y"
)");
  EXPECT_EQ(probes("p.jsonl", {}).size(), 1U);
  const std::string text = test::error_of([&] { throw_suite_problems(problems_); });
  for (const char* part :
       {"p.jsonl:1: a number probe without \"answer\"", "the row has \"answr\"; was \"answer\" meant?",
        "p.jsonl:2: a choice probe without \"answer_index\"",
        "p.jsonl:3: \"answer_index\": 2; wanted: a whole number from 0 to 1",
        "p.jsonl:4: unknown constraint \"max_wrods\"", "\"max_words\" may be meant",
        "p.jsonl:4: constraint \"bullets\": \"two\"; wanted: a whole number",
        "p.jsonl:6: id \"e\" for the second time", "p.jsonl:5", "p.jsonl:7: \"pattern\": \"(a\"",
        "p.jsonl:8: probe type \"exakt\"", "\"exact\" may be meant", "p.jsonl:9: broken JSON"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(SuiteFile, ManyBadRowsOfAFileAreCounted) {
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "{\"type\": \"exact\"}\n";
  write("p.jsonl", lines);
  probes("p.jsonl", {});
  ASSERT_EQ(problems_.size(), 21U);
  EXPECT_EQ(problems_.back().found, "10 more bad rows");
}

TEST_F(SuiteFile, MmluWithoutAndCmmluWithAHeader) {
  write("mmlu.csv",
        "\"Which floats, \"\"cork\"\" or lead?\",cork,lead,both,neither,A\nTwo and two?,3,4,5,6,B\n");
  const auto mmlu = probes("mmlu.csv", {.format = "mmlu"});
  ASSERT_EQ(mmlu.size(), 2U);
  EXPECT_EQ(mmlu[0].prompt, "Which floats, \"cork\" or lead?");
  EXPECT_EQ(mmlu[1].spec["answer_index"], 1);
  EXPECT_EQ(mmlu[1].where, (dir_ / "mmlu.csv").string() + ":2");
  EXPECT_EQ(mmlu[1].id, "mmlu-2");
  EXPECT_EQ(mmlu[1].dimension, "knowledge");
  write("cmmlu.csv", ",Question,A,B,C,D,Answer\n0,一加一？,一,二,三,四,B\n");
  const auto cmmlu = probes("cmmlu.csv", {.format = "cmmlu", .dimension = "chinese"});
  ASSERT_EQ(cmmlu.size(), 1U);
  EXPECT_EQ(cmmlu[0].spec["choices"][1], "二");
  EXPECT_EQ(cmmlu[0].lang, "zh");
  EXPECT_EQ(cmmlu[0].dimension, "chinese");
  write("ceval.csv",
        "id,question,A,B,C,D,answer,explanation\n7,水在零度？,结冰,沸腾,不变,消失,A,\n8,无答案？,甲,乙,丙,丁,"
        ",\n");
  const auto ceval = probes("ceval.csv", {.format = "ceval"});
  ASSERT_EQ(ceval.size(), 1U);
  EXPECT_EQ(ceval[0].id, "ceval-7");
  ASSERT_EQ(problems_.size(), 1U);  // the test split has no answers
  EXPECT_EQ(problems_[0].found, "a row without \"answer\"");
  EXPECT_THAT(problems_[0].where, HasSubstr("ceval.csv:3"));
}

TEST_F(SuiteFile, PublicLinesAsTheyAre) {
  write(
      "g.jsonl",
      R"({"question": "Two nets cost 600 each. Both?", "answer": "600 * 2 = <<600*2=1200>>1200\n#### 1,200"})");
  const auto gsm = probes("g.jsonl", {.format = "gsm8k"});
  ASSERT_EQ(gsm.size(), 1U);
  EXPECT_EQ(gsm[0].type, "number");
  EXPECT_TRUE(check_answer(gsm[0], "That makes 1,200."));
  write("h.jsonl",
        R"({"ind": 4, "ctx": "She opens the umbrella and", "endings": ["walks on.", "is a fish."], "label": 0}
{"ind": 5, "ctx": "He", "endings": ["sits.", "is a."], "label": "1"})");
  const auto hella = probes("h.jsonl", {.format = "hellaswag"});
  ASSERT_EQ(hella.size(), 2U);
  EXPECT_EQ(hella[0].id, "h-1");
  EXPECT_EQ(hella[1].spec["answer_index"], 1);
  write(
      "a.jsonl",
      R"({"id": "q1", "question": {"stem": "What melts?", "choices": [{"text": "ice", "label": "A"}, {"text": "fog", "label": "B"}]}, "answerKey": "A"}
{"id": "q2", "question": "What burns?", "choices": {"text": ["ash", "wood"], "label": ["1", "2"]}, "answerKey": "2"})");
  const auto arc = probes("a.jsonl", {.format = "arc"});
  ASSERT_EQ(arc.size(), 2U);
  EXPECT_EQ(arc[0].spec["answer_index"], 0);
  EXPECT_EQ(arc[1].spec["answer_index"], 1);
  EXPECT_EQ(arc[1].spec["choices"][1], "wood");
  write("b.jsonl",
        R"({"question": "is the harbour deep", "passage": "It is two metres deep.", "answer": false})");
  const auto boolq = probes("b.jsonl", {.format = "boolq"});
  ASSERT_EQ(boolq.size(), 1U);
  EXPECT_EQ(boolq[0].prompt, "It is two metres deep.\n\nis the harbour deep?");
  EXPECT_EQ(boolq[0].spec["answer_index"], 1);
  write("e.jsonl", R"({"task_id": "T/0", "prompt": "def one():\n", "canonical_solution": "    return 1\n"})");
  const auto code = probes("e.jsonl", {.format = "humaneval"});
  ASSERT_EQ(code.size(), 1U);
  EXPECT_EQ(code[0].type, "nll");
  EXPECT_EQ(code[0].spec["messages"][1]["content"], "    return 1\n");
}

TEST_F(SuiteFile, PublicRowsWithoutAnAnswerAreRefused) {
  write("g.jsonl", "{\"question\": \"x\", \"answer\": \"twelve\"}\n{\"Question\": \"x\"}\n");
  EXPECT_TRUE(probes("g.jsonl", {.format = "gsm8k"}).empty());
  ASSERT_EQ(problems_.size(), 2U);
  EXPECT_EQ(problems_[0].found, "an answer without a number behind ####");
  EXPECT_EQ(problems_[1].found, "a row without \"answer\"");
  EXPECT_EQ(problems_[1].hint, "the row has: Question");
  write("a.jsonl",
        R"({"question": "q", "choices": {"text": ["u", "v"], "label": ["A", "B"]}, "answerKey": "E"})");
  EXPECT_TRUE(probes("a.jsonl", {.format = "arc"}).empty());
  EXPECT_EQ(problems_.at(0).found, "answerKey \"E\"");
  write("h.jsonl", R"({"ctx": "He", "endings": ["sits.", "is a."], "label": ""})");
  EXPECT_TRUE(probes("h.jsonl", {.format = "hellaswag"}).empty());
  EXPECT_EQ(problems_.at(0).found, "label \"\"");
  EXPECT_EQ(problems_.at(0).hint, "test files have none");
  write("b.jsonl", R"({"question": "q", "passage": "p", "label": 2})");
  EXPECT_TRUE(probes("b.jsonl", {.format = "boolq"}).empty());
  EXPECT_EQ(problems_.at(0).found, "\"label\": 2");
}

TEST_F(SuiteFile, AQuotedHeaderIsAHeader) {
  write("m.csv", "\"question\",\"A\",\"B\",\"C\",\"D\",\"answer\"\n\"Two?\",\"1\",\"2\",\"3\",\"4\",\"B\"\n");
  const auto found = probes("m.csv", {.format = "mmlu"});
  EXPECT_TRUE(problems_.empty());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].prompt, "Two?");
}

TEST_F(SuiteFile, EveryRowOfTheRealGsm8kIsRead) {
  KEEL_NEED_SHARED("data/eval/gsm8k_test.jsonl");
  const auto gsm =
      read_probe_files(test::shared_dir() / "data/eval/gsm8k_test.jsonl", {.format = "gsm8k"}, problems_);
  EXPECT_TRUE(problems_.empty());
  EXPECT_EQ(gsm.size(), 1319U);
  for (const Probe& p : gsm) {
    const std::string shown = p.spec["answer"].dump();
    EXPECT_TRUE(check_answer(p, "So it is " + shown + ".")) << p.where;
  }
}

TEST_F(SuiteFile, AGateNamesAMeasureThatItsDimensionHas) {
  write("p.jsonl", kGood);
  const std::string text =
      refusal(R"({"gates": {"math": {"max_nll": 2}}, "groups": [{"name": "p", "file": "p.jsonl"}]})");
  EXPECT_THAT(text,
              HasSubstr("suite.yaml/gates/math/max_nll: gate max_nll on math, which has no such measure"));
  EXPECT_THAT(text, HasSubstr("min_acc, max_acc_drop"));
}

TEST_F(SuiteFile, AnItemIsAnotherOneWhenItIsAskedInAnotherWay) {
  write("p.jsonl", kGood);
  write("t.jsonl", "{\"text\": \"The tide comes in.\"}\n");
  const auto contents = [&](const std::string& options) {
    const Suite s = read(R"({"groups": [{"name": "p", "file": "p.jsonl", "options": {)" + options + R"(}},
                                        {"name": "t", "type": "nll", "file": "t.jsonl", "options": {)" +
                         options + "}}]}");
    return std::pair{s.groups.at(0).probes.at(0).content, s.groups.at(1).probes.at(0).content};
  };
  const auto plain = contents(""), longer = contents("\"max_new_tokens\": 9"),
             told = contents("\"system\": \"Hi.\"");
  EXPECT_NE(plain.first, longer.first);
  EXPECT_EQ(plain.second, longer.second);  // nothing is generated for a text
  EXPECT_NE(plain.first, told.first);
  EXPECT_NE(plain.second, told.second);
}

TEST_F(SuiteFile, TheBundledSuiteLoadsAndItsHalvesAreDisjoint) {
  const fs::path general = test::source_dir() / "examples/general";
  Suite all = read_suite(
      Json{{"name", "general"},
           {"groups",
            {{{"name", "tasks"}, {"file", "probes.jsonl"}},
             {{"name", "more-tasks"}, {"file", "tasks.jsonl"}},
             {{"name", "questions"}, {"file", "questions.jsonl"}},
             {{"name", "robust"}, {"file", "robust.jsonl"}, {"options", {{"context", "text.jsonl"}}}},
             {{"name", "dialogues"}, {"file", "dialogues.jsonl"}},
             {{"name", "text"}, {"type", "nll"}, {"dimension", "text"}, {"file", "text.jsonl"}},
             {{"name", "open"}, {"type", "generate"}, {"file", "open.jsonl"}}}}},
      [](const std::string& pointer) { return pointer; }, general, problems_);
  ASSERT_TRUE(problems_.empty()) << problems_[0].found;
  size_t items = 0;
  for (const ProbeGroup& group : all.groups) items += group.probes.size();
  EXPECT_EQ(items, 462U);
  Suite monitor = all, last = all;
  keep_split(monitor, "monitor");
  keep_split(last, "final");
  for (size_t g = 0; g < all.groups.size(); ++g) {
    const size_t here = monitor.groups[g].probes.size(), there = last.groups[g].probes.size();
    EXPECT_EQ(here + there, all.groups[g].probes.size());
    EXPECT_GT(std::min(here, there) * 3, all.groups[g].probes.size()) << all.groups[g].name;
  }
  EXPECT_EQ(half_of("en-knowledge-01"), half_of("en-knowledge-01"));
}

TEST_F(SuiteFile, MaxItemsKeepsTheSameItemsInAnyOrder) {
  std::string lines, reversed;
  for (int i = 0; i < 40; ++i) {
    const std::string line =
        Json{{"id", "p" + std::to_string(i)}, {"prompt", "x"}, {"accept", {"y"}}}.dump() + "\n";
    lines += line;
    reversed = line + reversed;
  }
  write("p.jsonl", lines);
  write("r.jsonl", reversed);
  auto ids = [&](const std::string& name) {
    std::vector<std::string> out;
    for (const Probe& p : probes(name, {.max_items = 10})) out.push_back(p.id);
    std::ranges::sort(out);
    return out;
  };
  EXPECT_EQ(ids("p.jsonl").size(), 10U);
  EXPECT_EQ(ids("p.jsonl"), ids("r.jsonl"));
}

}  // namespace
}  // namespace keel
