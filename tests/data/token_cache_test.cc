// Tokens that are kept for the next start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using ::testing::ElementsAre;

class TokenCache : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string bytes;
    for (int i = 0; i < 200; ++i)
      bytes += Json{{"prompt", "q" + std::to_string(i)}, {"completion", "an answer " + std::to_string(i * i)}}
                   .dump() +
               "\n";
    write_file(dir_ / "rows.jsonl", bytes + "{broken\n");
    options_.dataset = {(dir_ / "rows.jsonl").string()};
    options_.dataset_prepared_path = (dir_ / "cache").string();
    options_.val_size = 0.1;
  }

  TrainingSets load() {
    told_.clear();
    return load_training_sets({.options = options_,
                               .tokenizer = tokenizer_,
                               .chat_template = chatml_,
                               .rejected = [this](const Rejection& r) { told_.push_back(r.place); }});
  }

  std::vector<fs::path> folders() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(dir_ / "cache")) out.push_back(entry.path());
    return out;
  }

  test::TempDir dir_;
  Tokenizer tokenizer_ = test::letter_tokenizer();
  ChatTemplate chatml_ =
      ChatTemplate::from_builtin("chatml", {.by_name = {{"eos_token", "</s>"}}, .eos_ids = {}});
  DataOptions options_;
  std::vector<std::string> told_;
};

void expect_equal(const Dataset& a, const Dataset& b) {
  ASSERT_EQ(a.examples.size(), b.examples.size());
  for (size_t i = 0; i < a.examples.size(); ++i) {
    EXPECT_EQ(a.examples[i].ids, b.examples[i].ids);
    EXPECT_EQ(a.examples[i].weight, b.examples[i].weight);
    EXPECT_EQ(a.examples[i].end_of_turn, b.examples[i].end_of_turn);
    EXPECT_EQ(a.examples[i].place, b.examples[i].place);
  }
  EXPECT_EQ(to_json(a.stats), to_json(b.stats));
  EXPECT_EQ(a.sources, b.sources);
  EXPECT_EQ(a.hash, b.hash);
}

TEST_F(TokenCache, TheSecondStartHasTheSameSets) {
  const TrainingSets first = load();
  const std::vector<std::string> told = told_;
  EXPECT_EQ(told.size(), 1U);
  EXPECT_FALSE(first.train.from_cache);
  const TrainingSets second = load();
  EXPECT_TRUE(second.train.from_cache);
  EXPECT_EQ(second.train.cache, first.train.cache);
  expect_equal(first.train, second.train);
  expect_equal(first.validation, second.validation);
  EXPECT_EQ(told_, told);  // bad rows are told again
  options_.dataset_prepared_path = "none";
  const TrainingSets memory = load();
  EXPECT_TRUE(memory.train.cache.empty());
  expect_equal(first.train, memory.train);
  expect_equal(first.validation, memory.validation);
}

TEST_F(TokenCache, WhatDoesNotChangeTheTokensUsesIt) {
  load();
  options_.val_size = 0.5;
  options_.preprocessing_num_workers = 1;
  options_.loss_reduction = "sample";
  EXPECT_TRUE(load().train.from_cache);
  EXPECT_EQ(folders().size(), 1U);
}

TEST_F(TokenCache, WhatChangesTheTokensMakesThemAnew) {
  load();
  const auto anew = [&](const char* what) { EXPECT_FALSE(load().train.from_cache) << what; };
  options_.cutoff_len = 100;
  anew("cutoff_len");
  options_.train_on = "last";
  anew("train_on");
  options_.default_system = "be brief";
  anew("default_system");
  options_.max_samples = 150;
  anew("max_samples");
  tokenizer_.add_tokens(std::vector<std::string>{"<new>"}, true);
  anew("tokenizer");
  chatml_ = ChatTemplate::from_source(chatml_.source() + "{# another #}", chatml_.special());
  anew("template");
  write_file(dir_ / "rows.jsonl", read_text(dir_ / "rows.jsonl") + "\n");
  anew("a file's content");
}

// Its rows have other numbers; the weights for mixing are no part of the tokens.
TEST_F(TokenCache, AnotherFieldOfOrderByIsAnotherSet) {
  std::string bytes;
  for (int i = 0; i < 9; ++i)
    bytes += Json{{"prompt", "q"}, {"completion", std::to_string(i)}, {"a", i}, {"b", -i}}.dump() + "\n";
  write_file(dir_ / "rows.jsonl", bytes);
  options_.val_size = 0;
  for (const char* field : {"a", "b"}) {
    options_.order_by = field;
    const TrainingSets first = load(), second = load();
    EXPECT_FALSE(first.train.from_cache);
    EXPECT_TRUE(second.train.from_cache);
    EXPECT_EQ(second.train.order_keys, first.train.order_keys);
    EXPECT_EQ(second.train.order_keys.at(8), *field == 'a' ? 8 : -8);
  }
}

TEST_F(TokenCache, ADamagedOneIsMadeAnew) {
  const TrainingSets first = load();
  write_file(first.train.cache / "ids", "cut");
  const TrainingSets second = load();
  EXPECT_FALSE(second.train.from_cache);
  expect_equal(first.train, second.train);
  EXPECT_TRUE(load().train.from_cache);
}

TEST_F(TokenCache, NothingHalfMadeStays) {
  options_.max_rejected = 0;
  EXPECT_THROW(load(), UserError);
  EXPECT_TRUE(folders().empty());
  options_.max_rejected = 0.01;
  const fs::path made = load().train.cache;
  fs::rename(made, made.string() + ".999999999.part");  // of a process that is no more
  EXPECT_FALSE(load().train.from_cache);
  EXPECT_THAT(folders(), ElementsAre(made));
}

TEST_F(TokenCache, SmallSetsAreNotKeptUnasked) {
  options_.dataset_prepared_path.clear();
  EXPECT_TRUE(load().train.cache.empty());
}

}  // namespace
}  // namespace keel
