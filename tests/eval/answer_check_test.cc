#include "eval/answer_check.h"

#include <gtest/gtest.h>

namespace keel {
namespace {

TEST(AnswerCheck, ExactIgnoresCaseQuotesAndFinalPunctuation) {
  EXPECT_TRUE(equals_answer(" \"Yes.\" ", "yes"));
  EXPECT_TRUE(equals_answer("“是”。", "是"));
  EXPECT_FALSE(equals_answer("yes, it is", "yes"));
}

TEST(AnswerCheck, ContainsFoldsCaseAndWhiteSpace) {
  EXPECT_TRUE(contains_any("It costs 84\n Kroner.", Json{"84 kroner"}));
  EXPECT_FALSE(contains_any("It costs 48 kroner.", Json{"84 kroner"}));
}

TEST(AnswerCheck, LastNumberDecides) {
  EXPECT_TRUE(last_number_is("3 + 4 = 7.", 7));
  EXPECT_TRUE(last_number_is("about 1,234.5", 1234.5));
  EXPECT_FALSE(last_number_is("7 is 3 + 4", 7));
  EXPECT_FALSE(last_number_is("none", 0));
  EXPECT_TRUE(last_number_is("it fell to -3", -3));
  EXPECT_TRUE(last_number_is("between 5-7", 7));  // no sign behind a digit
}

TEST(AnswerCheck, Patterns) {
  EXPECT_TRUE(matches_pattern("A: 1, 2,3", "1, ?2, ?3$"));
  EXPECT_FALSE(matches_pattern("1 2 3", "1, ?2"));
}

struct ConstraintCase {
  const char* constraint;
  const char* right;
  const char* wrong;
};

class Constraint : public testing::TestWithParam<ConstraintCase> {};

TEST_P(Constraint, HoldsForOneAndNotForTheOther) {
  const auto& c = GetParam();
  EXPECT_TRUE(meets_constraints(c.right, parse_json(c.constraint, "test"))) << c.right;
  EXPECT_FALSE(meets_constraints(c.wrong, parse_json(c.constraint, "test"))) << c.wrong;
}

INSTANTIATE_TEST_SUITE_P(
    All, Constraint,
    testing::Values(ConstraintCase{R"({"max_words": 2})", "two words", "three words here"},
                    ConstraintCase{R"({"min_words": 2})", "two words", "one"},
                    ConstraintCase{R"({"must_contain": ["sea", "ship"]})", "The Ship on the sea",
                                   "only the sea"},
                    ConstraintCase{R"({"must_not_contain": ["the"]})", "a ship", "The ship"},
                    ConstraintCase{R"({"case": "upper"})", "HELLO 1", "HELLo"},
                    ConstraintCase{R"({"case": "lower"})", "hello", "42"},
                    ConstraintCase{R"({"starts_with": "dear"})", "Dear all,", "Oh dear"},
                    ConstraintCase{R"({"ends_with": "end."})", "the End.", "the end"},
                    ConstraintCase{R"({"bullets": 2})", "- a\n* b", "- a"},
                    ConstraintCase{R"({"sentences": 2})", "One. Two", "One... two. three!"},
                    ConstraintCase{R"({"sentences": 2})", "你好。再见！", "你好。"},
                    ConstraintCase{R"({"json_keys": ["a"]})", "sure: {\"a\": 1}", "{\"b\": 1}"},
                    ConstraintCase{R"({"language": "zh"})", "早上好 ok", "good morning 好"},
                    ConstraintCase{R"({"language": "en"})", "Tea, 茶", "茶和水 ok"},
                    ConstraintCase{R"({"language": "en"})", "a", "42"},
                    ConstraintCase{R"({"no_commas": true})", "red and blue", "red, blue"},
                    ConstraintCase{R"({"no_commas": true})", "红和蓝", "红，蓝"}));

}  // namespace
}  // namespace keel
