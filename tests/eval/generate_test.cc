// Decoding many prompts together, on a tiny random model.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "eval/generate.h"
#include "model/factory.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

ChatModel tiny_model(std::vector<int32_t> stop_ids) {
  HfFolder folder = HfFolder::open(test::golden_dir() / "llama");
  Json config = folder.config;
  auto lm = build_model(config, folder.tensors(), {.compute = at::kFloat}).model;
  return {.folder = std::move(folder),
          .config = std::move(config),
          .tokenizer = test::letter_tokenizer(),
          .chat_template = ChatTemplate::from_builtin("chatml"),
          .special = {},
          .lm = std::move(lm),
          .stop_ids = std::move(stop_ids),
          .precision_reason = {}};
}

// Prompts of unlike lengths, so that places are refilled and given up at different times.
std::vector<std::vector<int32_t>> prompts() {
  return {{5, 6, 7, 8, 9, 10, 11}, {40}, {12, 13}, {60, 61, 62, 63}, {33, 34, 35}, {90, 3},
          {77, 76, 75, 74, 73}};
}

// A token that some answers hold and others do not, so that answers end at different lengths.
int32_t dividing_token(const std::vector<Answer>& answers) {
  std::map<int32_t, size_t> in;
  for (const Answer& a : answers)
    for (const int32_t id : std::set<int32_t>(a.ids.begin(), a.ids.end())) ++in[id];
  for (const auto& [id, count] : in)
    if (count >= 2 && count < answers.size()) return id;
  return -1;
}

TEST(Generate, AnswersDoNotDependOnHowManyAreAnsweredTogether) {
  for (const double temperature : {0.0, 1.5}) {
    GenerateOptions options{.max_new_tokens = 12, .temperature = temperature, .generate_batch = 1};
    ChatModel endless = tiny_model({});
    const int32_t stop = dividing_token(generate(endless, prompts(), options));
    ASSERT_GE(stop, 0);
    ChatModel model = tiny_model({stop});
    const std::vector<Answer> expected = generate(model, prompts(), options);
    std::set<size_t> lengths;
    for (const Answer& a : expected) {
      EXPECT_EQ(a.stopped, a.ids.size() < 12);
      lengths.insert(a.ids.size());
    }
    EXPECT_GE(lengths.size(), 2u) << "the prompts end at one length: nothing is tested";
    for (const int64_t together : {2, 3, 16}) {
      options.generate_batch = together;
      const std::vector<Answer> found = generate(model, prompts(), options);
      for (size_t p = 0; p < expected.size(); ++p) {
        EXPECT_EQ(found[p].ids, expected[p].ids) << "prompt " << p << ", " << together << " together";
        EXPECT_EQ(found[p].stopped, expected[p].stopped);
      }
    }
  }
}

TEST(Generate, EventsTellTokensAndAnswersAsTheyCome) {
  ChatModel model = tiny_model({});
  std::vector<std::vector<int32_t>> heard(prompts().size());
  std::vector<size_t> done;
  const std::vector<Answer> answers =
      generate(model, prompts(), {.max_new_tokens = 3, .generate_batch = 2},
               {.on_token = [&](size_t prompt, int32_t token) { heard[prompt].push_back(token); },
                .on_answer = [&](size_t count) { done.push_back(count); }});
  for (size_t p = 0; p < answers.size(); ++p) EXPECT_EQ(heard[p], answers[p].ids);
  EXPECT_EQ(done, (std::vector<size_t>{1, 2, 3, 4, 5, 6, 7}));
}

TEST(Generate, AnAnswerEndsWhereTheModelsPositionsEnd) {
  ChatModel model = tiny_model({});
  const auto room = static_cast<size_t>(model.lm->max_positions()) - 3;
  const std::vector<std::vector<int32_t>> pair{{1, 2, 3}, std::vector<int32_t>(room, 7)};
  const std::vector<Answer> answers = generate(model, pair, {.max_new_tokens = 20, .generate_batch = 2});
  EXPECT_EQ(answers[0].ids.size(), 20u);
  EXPECT_EQ(answers[1].ids.size(), 3u);
  EXPECT_TRUE(generate(model, {}, {}).empty());
}

}  // namespace
}  // namespace keel
