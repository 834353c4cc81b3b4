#include "config/red_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keel {
namespace {

using testing::ElementsAre;

std::vector<RedLine> lines(const std::string& json) {
  std::vector<ErrorText> problems;
  auto out = red_lines(Json::parse(json), "run.yaml:3: gates", problems);
  EXPECT_TRUE(problems.empty());
  return out;
}

std::vector<std::string> crossed_by(const std::string& gates, const Json& before, const Json& after) {
  return crossed(lines(gates), before, after);
}

TEST(RedLines, ALimitHoldsUpToItself) {
  const std::string gates = R"({"eval_loss": {"max": 1.5}})";
  EXPECT_TRUE(crossed_by(gates, {}, {{"eval_loss", 1.5}}).empty());
  EXPECT_THAT(crossed_by(gates, {}, {{"eval_loss", 1.6}}),
              ElementsAre("eval_loss 1.6000, at most 1.5000 (max: 1.5)"));
}

TEST(RedLines, ARiseIsAShareOfWhatWasBefore) {
  const std::string gates = R"({"general_loss": {"max_rise": 0.02}})";
  const Json before{{"general_loss", 3.0}};
  EXPECT_TRUE(crossed_by(gates, before, {{"general_loss", 3.05}}).empty());
  EXPECT_THAT(crossed_by(gates, before, {{"general_loss", 3.07}}),
              ElementsAre("general_loss 3.0700, at most 3.0600 (max_rise: 0.02)"));
}

TEST(RedLines, WhatMustFallHasANegativeRise) {
  const std::string gates = R"({"eval_loss": {"max_rise": -0.1}})";
  EXPECT_TRUE(crossed_by(gates, {{"eval_loss", 2.0}}, {{"eval_loss", 1.7}}).empty());
  EXPECT_EQ(crossed_by(gates, {{"eval_loss", 2.0}}, {{"eval_loss", 1.9}}).size(), 1U);
}

TEST(RedLines, WhatMustStayHasALeast) {
  const std::string gates = R"({"end_of_turn": {"min": 0.8, "max_drop": 0.1}})";
  const Json before{{"end_of_turn", 1.0}};
  EXPECT_TRUE(crossed_by(gates, before, {{"end_of_turn", 0.95}}).empty());
  EXPECT_THAT(crossed_by(gates, before, {{"end_of_turn", 0.85}}),
              ElementsAre("end_of_turn 0.8500, at least 0.9000 (max_drop: 0.1)"));
  EXPECT_EQ(crossed_by(gates, before, {{"end_of_turn", 0.5}}).size(), 2U);
}

TEST(RedLines, WhatIsNoNumberCrosses) {
  const std::string gates = R"({"eval_loss/law": {"max": 9}, "general_loss": {"max_rise": 9}})";
  EXPECT_THAT(crossed_by(gates, {}, {{"general_loss", 1.0}}),
              ElementsAre("eval_loss/law is no number, at most 9.0000 (max: 9)",
                          "general_loss 1.0000, at most unknown (max_rise: 9)"));
  EXPECT_EQ(
      crossed_by(gates, {{"general_loss", 1.0}}, {{"general_loss", nullptr}, {"eval_loss/law", 1}}).size(),
      1U);
}

TEST(RedLines, MistakesAreNamed) {
  std::vector<ErrorText> problems;
  red_lines(Json::parse(R"({"loss": {"max": 1}, "eval_loss": {"least": 1}, "general_loss": {"max": "low"},
                            "kl_from_start": 3})"),
            "gates", problems);
  red_lines(Json::parse("[1]"), "gates", problems);
  std::vector<std::string> found;
  for (const ErrorText& p : problems) found.push_back(p.found);
  EXPECT_THAT(found, ElementsAre("gates: nothing is measured by the name \"loss\"",
                                 "gates: unknown limit \"least\" of eval_loss",
                                 "gates: max of general_loss is \"low\"",
                                 "gates: kl_from_start without limits", "gates that are no map"));
}

}  // namespace
}  // namespace keel
