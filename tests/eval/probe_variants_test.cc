#include "eval/probe_variants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fs.h"
#include "eval/probe_files.h"
#include "eval/suite.h"
#include "support/paths.h"

namespace keel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kRobust = R"({"id": "r", "type": "robust", "lang": "zh", "prompt": "Two and two?",
  "rewordings": ["2 + 2?", "Add 2 to 2."], "reordered": "? Two and two", "check": {"type": "number", "answer": 4}})";
constexpr const char* kDialogue = R"({"id": "d", "type": "dialogue", "turns": [{"user": "I am Olga."},
  {"user": "Who am I?", "skill": "follow-up", "check": {"type": "contains", "accept": ["Olga"]}},
  {"user": "And 1 + 1?", "skill": "switch", "check": {"type": "number", "answer": 2}}]})";

class Variants : public testing::Test {
 protected:
  std::vector<Probe> parse(const std::string& row, std::span<const std::string> context = {}) {
    problems_.clear();
    return parse_probes(parse_json(row, "test"), {.dimension = "x", .lang = "en", .where = "p.jsonl:3"},
                        context, problems_);
  }

  std::string refusal(const std::string& row) {
    EXPECT_TRUE(parse(row).empty());
    EXPECT_EQ(problems_.size(), 1U);
    if (problems_.empty()) return "";
    EXPECT_EQ(problems_[0].where, "p.jsonl:3");
    return problems_[0].found + "; wanted: " + problems_[0].wanted;
  }

  std::vector<ErrorText> problems_;
};

std::vector<std::string> of_each(const std::vector<Probe>& probes, std::string Probe::*member) {
  std::vector<std::string> out;
  for (const Probe& p : probes) out.push_back(p.*member);
  return out;
}

TEST_F(Variants, ARobustQuestionComesInItsForms) {
  const std::vector<std::string> context{"The tide comes in.", std::string(kContextBytes, 't')};
  const auto probes = parse(kRobust, context);
  EXPECT_TRUE(problems_.empty());
  EXPECT_THAT(of_each(probes, &Probe::id),
              ElementsAre("r#plain-1", "r#reworded-2", "r#reworded-3", "r#reordered-4", "r#long-5"));
  EXPECT_THAT(of_each(probes, &Probe::dimension),
              ElementsAre("x-plain", "x-reworded", "x-reworded", "x-reordered", "x-long"));
  EXPECT_EQ(probes[2].prompt, "Add 2 to 2.");
  EXPECT_EQ(probes[4].prompt, context[0] + "\n\n" + context[1] + "\n\nTwo and two?");
  for (const Probe& p : probes) {
    EXPECT_EQ(p.row_id(), "r");
    EXPECT_EQ(p.lang, "zh");
    EXPECT_TRUE(check_answer(p, "It is 4."));
    EXPECT_FALSE(check_answer(p, "It is 5."));
  }
  EXPECT_EQ(parse(kRobust).size(), 4U);  // nothing to stand behind
}

TEST_F(Variants, ADialoguesCheckedTurnsKnowWhatWasSaidBefore) {
  const auto probes = parse(kDialogue);
  EXPECT_TRUE(problems_.empty());
  EXPECT_THAT(of_each(probes, &Probe::dimension), ElementsAre("x-follow-up", "x-switch"));
  EXPECT_THAT(probes.at(0).earlier, ElementsAre("I am Olga."));
  EXPECT_THAT(probes.at(1).earlier, ElementsAre("I am Olga.", "Who am I?"));
  EXPECT_EQ(probes[1].prompt, "And 1 + 1?");
  EXPECT_TRUE(check_answer(probes[1], "2"));
  std::string changed = kDialogue;
  changed.replace(changed.find("Olga"), 4, "Anna");
  EXPECT_NE(parse(changed).at(1).content, probes[1].content);
}

TEST_F(Variants, OtherRowsAreOneProbe) {
  const auto probes = parse(R"({"id": "a", "type": "exact", "prompt": "Say yes.", "answer": "yes"})");
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(probes[0].row_id(), "a");
  EXPECT_EQ(probes[0].dimension, "x");
}

TEST_F(Variants, WhatIsWrongInARowIsToldOnce) {
  EXPECT_THAT(refusal(R"({"id": "r", "type": "robust", "prompt": "q", "check": {}})"),
              HasSubstr("a robust probe without \"rewordings\""));
  EXPECT_THAT(refusal(R"({"type": "exact", "dimension": "total", "prompt": "q", "answer": "a"})"),
              HasSubstr("the dimension \"total\"; wanted: another name"));
  const std::string robust = R"({"id": "r", "type": "robust", "prompt": "q", "rewordings": ["p"], )";
  EXPECT_THAT(refusal(robust + R"("reordered": 1, "check": {}})"),
              HasSubstr("\"reordered\": 1; wanted: the prompt"));
  EXPECT_THAT(refusal(robust + R"("check": {"type": "nll"}})"),
              HasSubstr("a check of type \"nll\"; wanted: {\"type\": …, …} of the type contains, exact"));
  EXPECT_THAT(refusal(robust + R"("check": {"type": "number"}})"), HasSubstr("without \"answer\""));
  EXPECT_THAT(refusal(robust + R"("chek": {}})"), HasSubstr("a robust probe without \"check\""));
  const std::string dialogue = R"({"id": "d", "type": "dialogue", "turns": [)";
  EXPECT_THAT(refusal(dialogue + R"({"usr": "x"}]})"), HasSubstr("a turn without a text \"user\""));
  EXPECT_THAT(refusal(dialogue + R"({"user": "x"}]})"), HasSubstr("a dialogue without a check"));
  EXPECT_THAT(refusal(dialogue + R"({"user": "x", "skill": "focis", "check": {}}]})"),
              HasSubstr("a checked turn with the skill \"focis\"; wanted: follow-up, focus, latest, switch"));
  EXPECT_THAT(refusal(dialogue + R"({"user": "x", "skill": "focus", "check": {"type": "choice"}}]})"),
              HasSubstr("a check of type \"choice\""));
}

TEST_F(Variants, PartsStayTogetherInHalvesAndInSelections) {
  const test::TempDir dir;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    Json row = parse_json(kDialogue, "test");
    row["id"] = "d" + std::to_string(i);
    lines += to_line(row) + "\n";
  }
  write_file(dir / "d.jsonl", lines);
  EXPECT_EQ(read_probe_files(dir / "d.jsonl", {.max_items = 7}, problems_).size(), 14U);
  Suite suite = suite_of_probes(dir / "d.jsonl", problems_);
  keep_split(suite, "monitor");
  const auto& kept = suite.groups[0].probes;
  EXPECT_GT(kept.size(), 20U);
  EXPECT_LT(kept.size(), 60U);
  for (size_t i = 0; i < kept.size(); i += 2) EXPECT_EQ(kept[i].part_of, kept[i + 1].part_of);
  write_file(dir / "d.jsonl", lines + lines.substr(0, lines.find('\n') + 1));
  read_probe_files(dir / "d.jsonl", {}, problems_);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].found, "id \"d0\" for the second time");
}

TEST_F(Variants, AContextWithoutTextsIsRefused) {
  const test::TempDir dir;
  write_file(dir / "r.jsonl", to_line(parse_json(kRobust, "test")) + "\n");
  write_file(dir / "chats.jsonl",
             R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})");
  read_probe_files(dir / "r.jsonl", {.context = dir / "chats.jsonl"}, problems_);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_THAT(problems_[0].where, HasSubstr("chats.jsonl"));
  EXPECT_EQ(problems_[0].found, "no text");
}

}  // namespace
}  // namespace keel
