// Choices and NLL on the tiny llama, item by item as transformers has them (tests/golden/choice_ref.py).
#include "eval/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "choice_model.h"
#include "support/error_of.h"

namespace keel {
namespace {

class ChoiceGolden : public testing::Test {
 protected:
  std::vector<ProbeResult> run(const std::vector<Probe>& probes, const std::string& score = "mean") {
    return run_probes(model_, probes,
                      {.generate = {.max_new_tokens = 6}, .system = {}, .choice_score = score});
  }

  ChatModel model_ = test::load_choice_model();
  std::vector<Probe> probes_ = test::load_choice_probes();
};

// Both compute in fp32 from the same weights. A logit carries an error of a few hundred units of 6e-8 at
// values of order 10, a sum of 40 tokens 40 times that: 1e-3 leaves room, the smallest margin is 1e-4 a
// reply's mean and asserted by the script.
TEST_F(ChoiceGolden, EveryItemAsTransformersHasIt) {
  for (const std::string& score : choice_scores()) {
    const auto results = run(probes_, score);
    ASSERT_EQ(results.size(), 14U);
    for (size_t i = 0; i < results.size(); ++i) {
      const Json& golden = probes_[i].spec["golden"][score];
      EXPECT_EQ(results[i].right, golden["right"].get<bool>()) << score << " " << results[i].id;
      EXPECT_EQ(results[i].answer, probes_[i].spec["choices"][golden["chosen"].get<size_t>()]);
      for (size_t c = 0; c < golden["values"].size(); ++c)
        EXPECT_NEAR(results[i].choice_scores.at(c), golden["values"][c].get<double>(), 5e-5)
            << score << " " << results[i].id << " " << c;
    }
  }
}

TEST_F(ChoiceGolden, ResultsComeInTheOrderOfTheProbesWhateverTheirTypes) {
  std::vector<ErrorText> problems;
  const auto make = [&](const char* row) {
    return *parse_probe(parse_json(row, "test"), {.id = "x", .dimension = "d", .type = "nll"}, problems);
  };
  const std::vector<Probe> mixed{
      make(R"({"id": "t", "text": "The tide comes in."})"), probes_[0],
      make(R"({"id": "g", "type": "generate", "prompt": "Go on."})"), probes_[1],
      make(
          R"({"id": "m", "messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]})")};
  const auto results = run(mixed);
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(results[0].tokens, 18);  // letters and the end of text, but the first
  EXPECT_EQ(results[4].tokens, 2);   // b and its end of turn
  EXPECT_GT(results[0].nll, 0);
  EXPECT_EQ(results[2].type, "generate");
  EXPECT_FALSE(results[2].answer.empty());
  EXPECT_EQ(results[1].choice_scores, run({probes_[0]})[0].choice_scores);
  EXPECT_NEAR(results[3].nll / static_cast<double>(results[3].tokens),
              results[3].choice_scores[mixed[3].spec["answer_index"].get<size_t>()], 1e-9);
}

TEST_F(ChoiceGolden, ADialogueIsAnsweredTurnByTurnWithTheModelsOwnReplies) {
  const auto say = [](std::vector<std::string> earlier, const std::string& prompt) {
    return Probe{.id = prompt, .type = "generate", .prompt = prompt, .earlier = std::move(earlier)};
  };
  const std::vector<Probe> probes{say({}, "Go on."), say({"Go on."}, "And?"),
                                  say({"Go on.", "And?"}, "Then?")};
  const auto results = run(probes);
  Json messages = user_message("Go on.");
  for (size_t i = 0; i < probes.size(); ++i) {
    const std::vector<std::vector<int32_t>> prompt{prompt_ids(model_, messages)};
    const Answer answer = generate(model_, prompt, {.max_new_tokens = 6})[0];
    EXPECT_EQ(results[i].answer, answer.text) << i;
    messages.push_back({{"role", "assistant"}, {"content", answer.text}});
    messages.push_back({{"role", "user"}, {"content", i == 0 ? "And?" : "Then?"}});
  }
}

TEST_F(ChoiceGolden, ProgressEndsWithAllThatWasAsked) {
  std::vector<Probe> probes{probes_[0],
                            {.id = "d", .type = "generate", .prompt = "And?", .earlier = {"Go on."}}};
  std::vector<std::pair<size_t, size_t>> heard;
  run_probes(model_, probes,
             {.generate = {.max_new_tokens = 2}, .system = {}, .on_progress = [&](size_t done, size_t all) {
                heard.emplace_back(done, all);
              }});
  const size_t all = probes_[0].spec["choices"].size() + 2;  // rows of choices and two replies
  ASSERT_EQ(heard.size(), all);
  EXPECT_EQ(heard.front(), (std::pair<size_t, size_t>{1, all}));
  EXPECT_EQ(heard.back(), (std::pair<size_t, size_t>{all, all}));
}

TEST_F(ChoiceGolden, GroupsAskedTogetherGiveWhatEachGivesAlone) {
  const Probe open{.id = "o", .type = "generate", .prompt = "Go on."};
  const Probe talk{.id = "t", .type = "generate", .prompt = "And?", .earlier = {"Go on."}};
  const std::vector<Probe> first{open, probes_[0]}, second{probes_[1], talk, open};
  const ProbeRunOptions brief{.generate = {.max_new_tokens = 3}, .system = {}};
  const ProbeRunOptions long_{.generate = {.max_new_tokens = 9}, .system = "Be kind."};
  std::vector<ErrorText> problems;
  const std::vector<PreparedProbes> groups{prepare_probes(model_, first, brief, problems),
                                           prepare_probes(model_, second, long_, problems)};
  const auto together = run_prepared(model_, groups);
  std::vector<ProbeResult> alone = run_probes(model_, first, brief);
  for (ProbeResult& r : run_probes(model_, second, long_)) alone.push_back(std::move(r));
  ASSERT_EQ(together.size(), alone.size());
  for (size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(together[i].id, alone[i].id);
    EXPECT_EQ(together[i].answer, alone[i].answer) << alone[i].id;
    EXPECT_EQ(together[i].right, alone[i].right);
    EXPECT_EQ(together[i].choice_scores, alone[i].choice_scores);
  }
  EXPECT_NE(together[0].answer, together[4].answer) << "one question, but unlike lengths and systems";
}

TEST_F(ChoiceGolden, WhatTheContextDoesNotHoldIsNamed) {
  std::vector<Probe> probes{probes_[0], probes_[1]};
  probes[0].spec["choices"][2] = std::string(600, 'x');
  probes[1].type = "generate";
  probes[1].prompt = std::string(700, 'y');
  std::vector<ErrorText> problems;
  prepare_probes(model_, probes, {.generate = {}, .system = {}}, problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].where, testing::HasSubstr("probes.jsonl:1"));
  EXPECT_THAT(problems[0].found, testing::ContainsRegex("choice 2 with its prompt has 6[0-9]+ tokens"));
  EXPECT_EQ(problems[0].wanted, "at most the model's context of 512");
  EXPECT_THAT(problems[1].found, testing::ContainsRegex("the prompt has 7[0-9]+ tokens"));
  EXPECT_THAT(test::error_of([&] { run(probes); }), testing::HasSubstr("choice 2 with its prompt"));
  // Short turns, whose replies may fill the context.
  const std::vector<Probe> talk{
      {.id = "d", .type = "generate", .prompt = "c", .where = "d.jsonl:1", .earlier = {"a", "b"}}};
  problems.clear();
  prepare_probes(model_, talk, {.generate = {.max_new_tokens = 250}, .system = {}}, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].found,
              testing::ContainsRegex("the dialogue with its longest replies has 5.. tokens"));
}

}  // namespace
}  // namespace keel
