// Each check on rows made so that the right numbers are known.
#include <gtest/gtest.h>

#include <cmath>

#include "doctor/clean.h"
#include "doctor/html_page.h"
#include "doctor/personal_data.h"
#include "doctor/stock_phrases.h"
#include "doctor/support.h"
#include "doctor/text_page.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using test::find;
using test::QuestionAnswers;
using test::row_set;
using test::subject_of;
using test::words;

TEST(Doctor, CleanRowsHaveNoFinding) {
  QuestionAnswers rows;
  for (int i = 0; i < 30; ++i) rows.emplace_back(words(1000 * i, 10), words(1000 * i + 500, 20));
  const Diagnosis d = diagnose(subject_of(rows));
  EXPECT_TRUE(d.findings.empty());
  ASSERT_EQ(d.sources.size(), 1U);
  EXPECT_EQ(d.sources[0].rows, 30);
  EXPECT_EQ(d.sources[0].replies, 30);
  EXPECT_FALSE(d.tokenised);
  EXPECT_EQ(d.lengths.unit, "characters");
}

TEST(Doctor, ExactAndNearDuplicates) {
  const std::string base = words(0, 100), near = words(0, 99) + "other ";
  const Diagnosis d = diagnose(subject_of({{"q", base}, {"r", words(500, 50)}, {"q", near}, {"q", base}}));
  const Finding* exact = find(d, "exact_duplicates");
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->count, 1);
  EXPECT_DOUBLE_EQ(exact->share, 0.25);
  EXPECT_EQ(exact->places, std::vector<std::string>{"rows.jsonl:4 = rows.jsonl:1"});
  EXPECT_EQ(exact->text, "1 row (25.0 %) repeats an earlier row word for word.");
  const Finding* close = find(d, "near_duplicates");
  ASSERT_NE(close, nullptr);
  EXPECT_EQ(close->count, 1);
  // 101 units make 97 5-grams; the last word is in one of them only: 96 / 98.
  EXPECT_EQ(close->places, std::vector<std::string>{"rows.jsonl:3 ≈ rows.jsonl:1 (0.98)"});
}

TEST(Doctor, LeaksBetweenTrainingAndValidation) {
  const std::string base = words(0, 100);
  Subject s = subject_of({{"q", base}, {"r", words(500, 50)}, {"x", words(900, 100)}});
  s.validation =
      examine(row_set({{"r", words(500, 50)}, {"x", words(900, 99) + "y"}, {"n", words(2000, 40)}}, "val"),
              s.data, nullptr);
  const Diagnosis d = diagnose(s);
  const Finding* exact = find(d, "leak_exact");
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->severity, Severity::error);
  EXPECT_EQ(exact->text, "1 validation row (33.3 %) stands in the training set.");
  EXPECT_EQ(exact->places, std::vector<std::string>{"rows.jsonl:1 = rows.jsonl:2"});
  const Finding* near = find(d, "leak_near");
  ASSERT_NE(near, nullptr);
  EXPECT_EQ(near->count, 1);
  EXPECT_EQ(d.findings.front().code, "leak_exact");  // errors first
}

TEST(Doctor, ContradictionsAreTheSamePromptWithOtherReplies) {
  const Diagnosis d =
      diagnose(subject_of({{"a?", "yes"}, {"b?", "two"}, {"a?", "no"}, {"a?", "yes"}, {"b?", "two"}}));
  const Finding* f = find(d, "contradictions");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->count, 3);
  EXPECT_EQ(f->text, "3 rows (60.0 %) answer 1 prompt that other rows answer differently.");
  EXPECT_EQ(f->places, std::vector<std::string>{"rows.jsonl:1 ≠ rows.jsonl:3"});
}

TEST(Doctor, EmptyShortAndRepetitiveReplies) {
  std::string loop;
  for (int i = 0; i < 20; ++i) loop += "one two three four five ";
  Subject s = subject_of({{"a", " \n"}, {"b", "Yes."}, {"c", loop}, {"d", words(0, 60)}, {"e", "三个字"}});
  const Diagnosis d = diagnose(s);
  ASSERT_NE(find(d, "empty_replies"), nullptr);
  EXPECT_EQ(find(d, "empty_replies")->severity, Severity::error);
  EXPECT_EQ(find(d, "empty_replies")->text,
            "1 reply (20.0 %) without any text: trained, they teach silence.");
  ASSERT_NE(find(d, "short_replies"), nullptr);
  EXPECT_EQ(find(d, "short_replies")->count, 1);  // three characters are three units
  ASSERT_NE(find(d, "repetitive_replies"), nullptr);
  EXPECT_EQ(find(d, "repetitive_replies")->places, std::vector<std::string>{"rows.jsonl:3"});
}

TEST(Doctor, ToolCallsAreNoEmptyReplies) {
  Subject s;
  RowSet rows = row_set({{"a", ""}});
  rows.records[0].messages[1]["tool_calls"] = Json::array({{{"function", {{"name", "f"}}}}});
  s.train = examine(std::move(rows), s.data, nullptr);
  EXPECT_EQ(find(diagnose(s), "empty_replies"), nullptr);
}

TEST(Doctor, StockPhrasesAndTheirShare) {
  QuestionAnswers rows;
  const std::string phrase = "I am happy to help you with that";
  for (int i = 0; i < 40; ++i)
    rows.emplace_back(words(1000 * i, 5), (i % 2 == 0 ? phrase + ". " : "") + words(1000 * i + 99, 24));
  const Diagnosis d = diagnose(subject_of(rows));
  const Finding* f = find(d, "stock_phrases");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->count, 1);
  EXPECT_NE(f->text.find("“" + phrase + "” (50.0 % of the replies)"), std::string::npos) << f->text;
  int64_t bytes = 0;
  for (const auto& row : rows) bytes += static_cast<int64_t>(row.second.size());
  EXPECT_DOUBLE_EQ(f->share, 20.0 * static_cast<double>(phrase.size()) / static_cast<double>(bytes));
}

TEST(Doctor, FewRepliesHaveNoStockPhrases) {
  const std::vector<std::string_view> texts(19, "the same reply every single time");
  EXPECT_TRUE(find_stock_phrases(texts, 0.2).phrases.empty());
}

// A phrase counts wherever it stands, also where a rarer one goes on behind it.
TEST(Doctor, StockPhrasesInsideLongerOnes) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) {
    const char* end = i % 10 < 3 ? "then please ask a doctor now " : "";
    texts.push_back("according to the civil code " + std::string(end) + words(1000 * i, 20));
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const StockPhrases found = find_stock_phrases(views, 0.2);
  ASSERT_FALSE(found.phrases.empty());
  EXPECT_EQ(found.phrases[0].text, "according to the civil code");
  EXPECT_EQ(found.phrases[0].replies.size(), 40U);
}

TEST(Doctor, RejectedRowsByReason) {
  Subject s;
  RowSet rows = row_set({{"a", words(0, 9)}, {"b", words(20, 9)}});
  rows.sources[0].rejections = {{"rows.jsonl:3", "messages[2].role", "a", "b"},
                                {"rows.jsonl:4", "output", "null", "text"},
                                {"rows.jsonl:5", "messages[4].role", "c", "b"}};
  s.train = examine(std::move(rows), s.data, nullptr);
  const Diagnosis d = diagnose(s);
  ASSERT_EQ(d.count(Severity::error), 2);  // 60 % are bad, more than max_rejected
  EXPECT_EQ(d.findings[0].text, "2 rows of rows.jsonl cannot be used: messages[].role: a, wanted b.");
  EXPECT_EQ(d.findings[0].places, (std::vector<std::string>{"rows.jsonl:3", "rows.jsonl:5"}));
  EXPECT_EQ(d.sources[0].rejected, 3);
}

TEST(Doctor, RepliesInAnotherScript) {
  const Diagnosis d = diagnose(subject_of({{"What is this?", "这是一个苹果"},
                                           {"你好吗", "我很好谢谢"},
                                           {"日本語は？", "漢字です"},
                                           {"是什么", "催乳素PRL"}}));
  const Finding* f = find(d, "script_changes");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->places, std::vector<std::string>{"rows.jsonl:1"});
  EXPECT_EQ(d.sources[0].letters[static_cast<size_t>(Script::latin)], 13);
}

// With a tokenizer: one token a letter.

class DoctorTokens : public ::testing::Test {
 protected:
  Subject subject(const QuestionAnswers& rows, const ChatTemplate& chat_template, int64_t cutoff = 2048) {
    Subject s;
    s.data.cutoff_len = cutoff;
    const EncodeContext encode{.tokenizer = tokenizer_, .chat_template = chat_template, .cutoff_len = cutoff};
    s.train = examine(row_set(rows), s.data, &encode);
    s.tokenizer = &tokenizer_;
    s.samples_per_step = 2;
    return s;
  }

  Tokenizer tokenizer_ = test::letter_tokenizer();
  SpecialTokens special_{.by_name = {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, .eos_ids = {}};
  ChatTemplate chatml_ = ChatTemplate::from_builtin("chatml", special_);
};

TEST_F(DoctorTokens, CountsTokensAndSteps) {
  const Diagnosis d = diagnose(subject({{"abc", "defg"}, {"h", "ij"}, {"k", "l"}}, chatml_));
  EXPECT_TRUE(d.tokenised);
  EXPECT_EQ(d.sources[0].supervised, 4 + 2 + 1 + 3);  // each with its end of turn
  ASSERT_TRUE(d.plan.has_value());
  EXPECT_EQ(d.plan->samples, 3);
  EXPECT_EQ(d.plan->steps, 2);
  ASSERT_NE(find(d, "few_steps"), nullptr);
  EXPECT_EQ(find(d, "few_steps")->text, "The run has only 2 optimiser steps (2 samples a step).");
  ASSERT_NE(find(d, "end_of_turn"), nullptr);
  EXPECT_EQ(find(d, "end_of_turn")->severity, Severity::note);
  EXPECT_EQ(find(d, "end_of_turn")->text, "All 3 trained turns end with a trained end of turn.");
}

TEST_F(DoctorTokens, AMixtureHasAPlanOfItsOwn) {
  Subject s = subject({{"a", "b"}, {"c", "d"}, {"e", "f"}, {"g", "h"}, {"i", words(0, 80)}}, chatml_);
  s.train.rows.sources.push_back({.name = "long.jsonl", .schema = "openai"});
  s.train.rows.source.back() = 1;
  s.data.dataset = {"brief.jsonl", "long.jsonl"};
  s.data.mixing.strategy = "multi_task";
  s.data.mixing.alpha = 0;
  const auto brief = static_cast<double>(s.train.tokens.front().stats.tokens),
             extended = static_cast<double>(s.train.tokens.back().stats.tokens);
  const double half = (4 * brief + extended) / 2;  // tokens of each source
  const auto samples = std::llround(half / brief + half / extended);
  ASSERT_NE(samples, 5);
  const auto plan = plan_of(s);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->samples, samples);
  EXPECT_EQ(plan->steps, (samples + 1) / 2);
}

TEST_F(DoctorTokens, MissingEndOfTurnIsAnError) {
  const ChatTemplate bare = ChatTemplate::from_source(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '\\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
      special_);
  const Diagnosis d = diagnose(subject({{"abc", "defg"}, {"h", "ij"}}, bare));
  ASSERT_NE(find(d, "end_of_turn"), nullptr);
  EXPECT_EQ(find(d, "end_of_turn")->severity, Severity::error);
  EXPECT_EQ(find(d, "end_of_turn")->text,
            "2 of 2 trained turns (100 %) do not train their end of turn, so the model does not learn to "
            "stop there.");
}

TEST_F(DoctorTokens, TwoBeginningsAreAnError) {
  const ChatTemplate twice = ChatTemplate::from_source(
      "{{ '<s><s>' }}{% for m in messages %}{{ m.role + ':' + m.content + '<|im_end|>' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
      special_);
  const Diagnosis d = diagnose(subject({{"abc", "defg"}}, twice));
  ASSERT_NE(find(d, "two_bos"), nullptr);
  EXPECT_EQ(find(d, "two_bos")->text,
            "1 row begins with more than one beginning-of-text token at the start.");
  EXPECT_EQ(find(diagnose(subject({{"abc", "defg"}}, chatml_)), "two_bos"), nullptr);
}

TEST_F(DoctorTokens, WhatTheCutoffTakes) {
  const Diagnosis d = diagnose(subject({{"abc", "defg"}, {"h", std::string(300, 'x')}}, chatml_, 100));
  const Finding* f = find(d, "over_long");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->severity, Severity::warning);
  EXPECT_EQ(f->count, 1);
  EXPECT_EQ(f->places, std::vector<std::string>{"rows.jsonl:2"});
  EXPECT_NE(f->text.find("1 dropped, 0 lost their oldest turns"), std::string::npos) << f->text;
}

TEST_F(DoctorTokens, PagesSayWhatWasFound) {
  const Diagnosis d = diagnose(subject({{"abc", "defg <script>"}, {"abc", "other"}}, chatml_));
  const std::string text = text_page(d);
  EXPECT_NE(text.find("warning [contradictions] 2 rows (100 %) answer 1 prompt"), std::string::npos) << text;
  EXPECT_NE(text.find("0 errors, 2 warnings"), std::string::npos) << text;
  const std::string html = html_page(d);
  EXPECT_EQ(html.find("<script>"), std::string::npos);
  EXPECT_NE(html.find("Rows by length in tokens"), std::string::npos);
  const Json json = to_json(d);
  EXPECT_EQ(json["warnings"], 2);
  EXPECT_EQ(json["plan"]["steps"], 1);
  EXPECT_EQ(json["sources"][0]["rows"], 2);
  EXPECT_EQ(text_page(diagnose(subject_of({{"a", words(0, 9)}}))).find("optimiser"), std::string::npos);
  EXPECT_NE(text_page(diagnose(subject_of({{"a", words(0, 9)}}))).find("No model was named"),
            std::string::npos);
}

TEST_F(DoctorTokens, ShortFormHasNoNotes) {
  const Diagnosis d = diagnose(subject_of({{"a", words(0, 9)}, {"a", words(0, 9)}}), true);
  EXPECT_EQ(short_lines(d),
            (std::vector<std::string>{"data: 1 row (50.0 %) repeats an earlier row word for word. "
                                      "First: rows.jsonl:2 = rows.jsonl:1"}));
}

}  // namespace
}  // namespace keel
