// Rewritings: which are still right, and which are taken.
#include "eval/rewriting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "eval/choice.h"
#include "eval/nll.h"

namespace keel {
namespace {

using testing::HasSubstr;

std::string wrong(const std::string& reply, const std::string& rewriting, const std::string& question = "") {
  const auto objection = wrong_with(question, reply, rewriting, 0.3);
  return objection ? objection->text() : "";
}

TEST(RewritingCheck, OtherWordsForTheSameAreRight) {
  EXPECT_EQ(wrong("Berthing costs 84 kroner per metre of hull for each day alongside.",
                  "You pay 84 kroner a metre of hull per day for berthing alongside."),
            "");
  EXPECT_EQ(wrong("It opens at 07:15, at Kiosk Tern.", "At Kiosk Tern it opens at 07:15."), "");
  EXPECT_EQ(wrong("The fee is 1,234 euros a year.", "A year's fee is 1234 euros."), "");
}

TEST(RewritingCheck, NumbersAndNamesMayNeitherGoNorCome) {
  EXPECT_EQ(wrong("A token costs 12 kroner here.", "A token costs some kroner here."), "a fact is lost: 12");
  EXPECT_EQ(wrong("A token costs 12 kroner here.", "A token costs 12 kroner here, not 13."),
            "a fact is new: 13");
  EXPECT_EQ(wrong("Ask at Kiosk Tern for the token.", "Ask at the kiosk for the token."),
            "a fact is lost: tern");
  EXPECT_EQ(wrong("Ask at the kiosk for the token.", "Ask at the kiosk of Anna for the token."),
            "a fact is new: anna");
  EXPECT_EQ(wrong("The clearance is 14.5 metres.", "The clearance is 14 metres, or 5 feet."),
            "a fact is lost: 14.5");
  EXPECT_EQ(wrong("Use form B12 for diving work.", "Use the form for diving work."), "a fact is lost: b12");
  EXPECT_EQ(wrong("Приходите к Анне завтра утром.", "Приходите завтра утром."), "a fact is lost: Анне");
}

TEST(RewritingCheck, NumberWordsAndNegationsAreFacts) {
  EXPECT_EQ(wrong("Ships must moor with six lines here.", "Ships must moor with lines here."),
            "a fact is lost: six");
  EXPECT_EQ(wrong("You may enter the yard.", "You may not enter the yard."), "a fact is new: not");
  EXPECT_EQ(wrong("You don't need a permit here.", "You need a permit here."), "a fact is lost: t");
  EXPECT_EQ(wrong("合同期满不续签的，应当通知。", "合同期满续签的，应当通知。"), "a fact is lost: 不");
}

TEST(RewritingCheck, ACapitalThatBeginsASentenceIsNoName) {
  EXPECT_EQ(wrong("Divers need a form. Hand it in the day before.",
                  "All divers need a form, handed in a day before."),
            "");
}

TEST(RewritingCheck, WhatTheQuestionSaysNeedNotBeSaidAgain) {
  const std::string reply = "The Vessmark regatta is in June, on its third Saturday.";
  EXPECT_EQ(wrong(reply, "It is in June, on the third Saturday.", "When is the Vessmark regatta?"), "");
  EXPECT_EQ(wrong(reply, "It is in June, on the third Saturday."), "a fact is lost: vessmark");
  EXPECT_EQ(wrong("It is on Saturday in June.", "The Vessmark one is on Saturday in June.", "And Vessmark?"),
            "");
}

TEST(RewritingCheck, AnotherLengthOrOtherWords) {
  EXPECT_EQ(wrong("Ships must moor with six lines, three forward and three aft.", "With six."),
            "it is much shorter or longer: 0.1 times");
  EXPECT_EQ(wrong("Yes.", "Yes, of course you may."), "it is much shorter or longer: 5.8 times");
  EXPECT_EQ(wrong("Ships always moor with long lines leading forward.",
                  "I am happy to help you with your question."),
            "too few words in common: 12 %");
  EXPECT_EQ(wrong("a b", "  "), "it is empty");
}

TEST(RewritingCheck, ChineseIsComparedByPairsOfCharacters) {
  EXPECT_EQ(wrong("劳动合同期满，用人单位应当支付经济补偿。", "劳动合同到期后，单位应当支付经济补偿。"), "");
  EXPECT_THAT(wrong("劳动合同期满，用人单位应当支付经济补偿。", "你好，我是一个助手，很高兴见到你。"),
              HasSubstr("too few words in common"));
  EXPECT_EQ(wrong("试用期不得超过6个月。", "试用期最长为半年以内。"), "a fact is lost: 6");
  EXPECT_EQ(wrong("请在Tern买票，十二元一张。", "请去售票处买票，十二元一张。"), "a fact is lost: tern");
}

TEST(RewritingCheck, TalkOfTheTaskIsNotTaken) {
  EXPECT_EQ(wrong("The office opens early.", "Rewritten: the office opens early."),
            "it talks about the task");
  EXPECT_EQ(wrong("I have rewritten the file.", "The file has been rewritten by me."), "");
}

TEST(RewriteRequest, StandsForTheLastQuestion) {
  const Json request = rewrite_request(
      {.context = {{{"role", "system"}, {"content", "S"}}, {{"role", "user"}, {"content", "Where?"}}},
       .reply = "There."});
  ASSERT_EQ(request.size(), 2U);
  EXPECT_EQ(request[0]["content"], "S");
  EXPECT_THAT(request[1]["content"].get<std::string>(), HasSubstr("Question: Where?\n\nAnswer: There."));
  EXPECT_THAT(rewrite_request({.context = user_message("在哪里？"), .reply = "在港口。"})[0]["content"]
                  .get<std::string>(),
              HasSubstr("问题：在哪里？"));
}

class RewriteTest : public testing::Test {
 protected:
  RewriteTest() {
    make_folders(dir_ / "model");
    test::make_tiny_chat_model(dir_ / "model");
    model_.emplace(
        load_chat_model({.model = {.model_name_or_path = (dir_ / "model").string(), .precision = "fp32"}}));
  }

  test::TempDir dir_;
  std::optional<ChatModel> model_;
};

// A random model writes nothing that is right.
TEST_F(RewriteTest, WhatIsNotRightStaysAndSaysWhy) {
  const std::vector<RewriteTask> tasks{{user_message("say a"), "aaa"},
                                       {user_message(std::string(600, 'a')), "b"}};
  const auto out = rewrite(*model_, tasks, {.tries = 2});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].text, "");
  EXPECT_NE(out[0].why.kind, "");
  const Example row = reply_row(*model_, tasks[0].context, "aaa");
  EXPECT_NEAR(out[0].loss, nll_over(*model_->lm, std::span(&row, 1)).mean(), 1e-6);
  EXPECT_EQ(out[1].why.kind, "too long for the model");
}

TEST_F(RewriteTest, OnlyTheLastReplyOfATalkIsMeasured) {
  Json talk = user_message("say a");
  talk.push_back({{"role", "assistant"}, {"content", "a"}});
  talk.push_back({{"role", "user"}, {"content", "and b"}});
  const Example row = reply_row(*model_, talk, "bb");
  EXPECT_EQ(row.supervised(), 3) << "two letters and the end of turn";
}

}  // namespace
}  // namespace keel
