// The whole data path: files to sets, splits, packing, refusals.
#include "data/dataset.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/error.h"
#include "base/fs.h"
#include "data/pack.h"
#include "data/split.h"
#include "support/error_of.h"
#include "support/paths.h"
#include "text/small_tokenizer.h"

namespace keel {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string row(const std::string& question, const std::string& answer) {
  return Json{{"prompt", question}, {"completion", answer}}.dump() + "\n";
}

class DatasetTest : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) {
    write_file(dir_ / name, bytes);
    return (dir_ / name).string();
  }

  std::string numbered(const std::string& name, int n) {
    std::string bytes;
    for (int i = 0; i < n; ++i) bytes += row("q" + std::to_string(i), "answer " + std::to_string(i));
    return file(name, bytes);
  }

  DataContext context(Stage stage = Stage::sft) const {
    return {.options = options_, .tokenizer = tokenizer_, .chat_template = chatml_, .stage = stage};
  }

  test::TempDir dir_;
  Tokenizer tokenizer_ = test::letter_tokenizer();
  ChatTemplate chatml_ =
      ChatTemplate::from_builtin("chatml", {.by_name = {{"eos_token", "</s>"}}, .eos_ids = {}});
  DataOptions options_;
};

std::set<std::vector<int32_t>> contents(const ExampleSet& examples) {
  std::set<std::vector<int32_t>> out;
  for (const Example& e : examples) out.insert(e.ids);
  return out;
}

TEST_F(DatasetTest, LoadsSeveralFilesInOrder) {
  const std::string a = numbered("a.jsonl", 3), b = numbered("b.jsonl", 2);
  const Dataset set = load_dataset({a, b}, context());
  ASSERT_EQ(set.examples.size(), 5U);
  EXPECT_THAT(set.sources, ElementsAre(a, b));
  EXPECT_EQ(set.examples[2].source, 0);
  EXPECT_EQ(set.examples[3].source, 1);
  EXPECT_EQ(set.examples[4].place, b + ":2");
  EXPECT_EQ(set.stats.rows, 5);
  EXPECT_EQ(set.hash.size(), 16U);
  EXPECT_THAT(describe(set.stats), HasSubstr("5 rows · 5 samples · 5 turns · "));
  EXPECT_EQ(to_json(set.stats)["rows"], 5);
}

TEST_F(DatasetTest, TheNumberOfThreadsChangesNothing) {
  const std::string a = numbered("a.jsonl", 300);
  options_.preprocessing_num_workers = 1;
  const Dataset one = load_dataset({a}, context());
  options_.preprocessing_num_workers = 4;
  const Dataset four = load_dataset({a}, context());
  ASSERT_EQ(one.examples.size(), four.examples.size());
  for (size_t i = 0; i < one.examples.size(); ++i) EXPECT_EQ(one.examples[i].ids, four.examples[i].ids);
}

TEST_F(DatasetTest, TheValidationSplitDependsOnContentAlone) {
  std::string forward, backward;
  for (int i = 0; i < 50; ++i) {
    forward += row("q" + std::to_string(i), "a");
    backward = row("q" + std::to_string(i), "a") + backward;
  }
  options_.val_size = 0.2;
  options_.dataset = {file("f.jsonl", forward)};
  const TrainingSets f = load_training_sets(context());
  options_.dataset = {file("b.jsonl", backward)};
  const TrainingSets b = load_training_sets(context());
  EXPECT_EQ(f.validation.examples.size(), 10U);
  EXPECT_EQ(f.train.examples.size(), 40U);
  EXPECT_EQ(contents(f.validation.examples), contents(b.validation.examples));
  EXPECT_EQ(contents(f.train.examples), contents(b.train.examples));
  options_.val_size = 7;
  EXPECT_EQ(load_training_sets(context()).validation.examples.size(), 7U);
}

TEST_F(DatasetTest, RowsAreShownBeforeTheyAreEncoded) {
  options_.dataset = {numbered("a.jsonl", 9)};
  options_.val_size = 3;
  DataContext c = context();
  size_t train = 0, validation = 0;
  c.on_rows = [&](const RowSet& rows, const RowSet& held) {
    train = rows.records.size();
    validation = held.records.size();
    EXPECT_EQ(rows.sources.front().files, (std::vector<fs::path>{options_.dataset.front()}));
  };
  load_training_sets(c);
  EXPECT_EQ(train, 6U);
  EXPECT_EQ(validation, 3U);
}

TEST_F(DatasetTest, EqualRowsAreNeverSplit) {
  std::string bytes;
  for (int i = 0; i < 40; ++i) bytes += row("q" + std::to_string(i % 10), "a");
  options_.dataset = {file("twins.jsonl", bytes)};
  options_.val_size = 6;
  const TrainingSets sets = load_training_sets(context());
  EXPECT_EQ(sets.validation.examples.size(), 8U);  // two questions, four times each
  for (const auto& ids : contents(sets.validation.examples))
    EXPECT_FALSE(contents(sets.train.examples).contains(ids));
  options_.val_size = 40;
  EXPECT_EQ(error_of([&] { load_training_sets(context()); }),
            "val_size: 40 of 40 rows\n  wanted: rows left to train (equal rows stay together)");
}

TEST_F(DatasetTest, OptionsThatContradictEachOtherAreErrors) {
  options_.dataset = options_.eval_dataset = {numbered("a.jsonl", 3)};
  options_.val_size = 1;
  EXPECT_THAT(error_of([&] { load_training_sets(context()); }), HasSubstr("val_size and eval_dataset, both"));
  options_.val_size = 0;
  EXPECT_EQ(load_training_sets(context()).validation.examples.size(), 3U);
  options_.overlength = "split";
  EXPECT_THAT(error_of([&] { load_training_sets(context()); }), HasSubstr("a reply is never cut"));
}

TEST_F(DatasetTest, KindsOfRowsHaveToFitTheStage) {
  const std::string text = file("t.jsonl", "{\"text\":\"words\"}\n"), chat = numbered("c.jsonl", 1);
  EXPECT_EQ(error_of([&] { load_dataset({text}, context()); }),
            text + ":1: plain text\n  wanted: chats (stage: sft)\n  try:    stage: cpt trains plain text");
  EXPECT_EQ(error_of([&] { load_dataset({chat}, context(Stage::cpt)); }),
            chat + ":1: a chat\n  wanted: plain text (stage: cpt)\n  try:    stage: sft trains chats");
  EXPECT_EQ(load_dataset({text, chat}, context(Stage::any)).examples.size(), 2U);
  options_.dataset = {chat};
  options_.general_dataset = {text, chat};
  EXPECT_EQ(load_training_sets(context()).general.examples.size(), 2U);
  EXPECT_THAT(error_of([] { parse_stage("dpo"); }), HasSubstr("wanted: sft or cpt"));
}

TEST_F(DatasetTest, NothingToTrainIsAnError) {
  const std::string a = numbered("a.jsonl", 2);
  options_.cutoff_len = 8;
  EXPECT_EQ(error_of([&] { load_dataset({a}, context()); }),
            a + ": nothing to train in 2 rows (2 dropped as too long, 0 without a label)\n  wanted: at least "
                "one reply\n  try:    raise cutoff_len");
}

TEST_F(DatasetTest, RowsThatTheTemplateRefusesAreBadRows) {
  std::string bytes =
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":[{"name":"f"}]})"
      "\n";
  for (int i = 0; i < 9; ++i) bytes += row("q", "a");
  const std::string path = file("tools.jsonl", bytes);
  std::vector<std::string> told;
  DataContext c = context();
  c.rejected = [&](const Rejection& r) { told.push_back(r.place); };
  EXPECT_THAT(error_of([&] { load_dataset({path}, c); }),
              HasSubstr(path + ":1: 1 of 10 rows are refused by the chat template, this one: "));
  EXPECT_THAT(told, ElementsAre(path + ":1"));
  options_.max_rejected = 0.1;
  EXPECT_EQ(load_dataset({path}, c).stats.rejected, 1);
}

TEST_F(DatasetTest, AMaskWithoutContextIsRefused) {
  const ChatTemplate all = ChatTemplate::from_source(
      "{% for m in messages %}{% if m.role == 'assistant' %}{{ 'x' }}{% generation %}{{ m.content + '</s>' "
      "}}{% endgeneration %}{% endif %}{% endfor %}",
      {.by_name = {{"eos_token", "</s>"}}, .eos_ids = {}});
  const std::string a = numbered("a.jsonl", 2);
  const DataContext c{.options = options_, .tokenizer = tokenizer_, .chat_template = all};
  EXPECT_THAT(
      error_of([&] { load_dataset({a}, c); }),
      HasSubstr(a + ":1: 2 of 2 rows are refused by the chat template, this one: the chat template "
                    "renders nothing before the first reply: every token would be trained\n  wanted: a "
                    "question before the reply"));
}

TEST_F(DatasetTest, RowsThatTrainOnLeavesOutAreToldOfButAreNoBadRows) {
  const std::string path = file(
      "marked.jsonl",
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "train": true}]}
{"messages": [{"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]}
)");
  std::vector<std::string> told;
  DataContext c = context();
  c.rejected = [&](const Rejection& r) { told.push_back(r.place + " " + r.found); };
  options_.train_on = "per_message";
  options_.strict = true;
  const Dataset set = load_dataset({path}, c);
  EXPECT_EQ(set.examples.size(), 1U);
  EXPECT_EQ(set.stats.no_label, 1);
  EXPECT_THAT(told, ElementsAre(path + ":2 no reply marked for train_on: per_message"));
}

TEST_F(DatasetTest, LengthsAndThePackingsShareOfTheBestAreTold) {
  std::string bytes;
  for (int n : {11, 11, 11, 7, 3})  // and the end of text: 12, 12, 12, 8, 4 tokens
    bytes += Json{{"text", std::string(static_cast<size_t>(n), 'a')}}.dump() + "\n";
  options_.dataset = {file("t.jsonl", bytes)};
  options_.pack_length = 16;
  const DataStats s = load_training_sets(context(Stage::cpt)).train.stats;
  EXPECT_EQ(s.median_length, 12);
  EXPECT_EQ(s.p95_length, 12);
  EXPECT_EQ(s.examples, 4);  // 12 + 4, 12, 12, 8; the 48 tokens need three rows
  EXPECT_EQ(s.best_fill, 0.75);
  EXPECT_THAT(describe(s),
              HasSubstr("longest 12 (half up to 12, 95 % up to 12) · 12 tokens a packed row (75.0 % "
                        "full, 75.0 % of the best possible)"));
}

TEST(DataStats, LengthsStandAtTheirRanks) {
  DataStats s{.supervised = 90, .lost_supervised = 10};
  std::vector<int64_t> lengths;
  for (int64_t n = 100; n > 0; --n) lengths.push_back(n);
  set_lengths(s, lengths);
  EXPECT_EQ(s.median_length, 50);
  EXPECT_EQ(s.p95_length, 95);
  set_lengths(s, {7});
  EXPECT_EQ(s.p95_length, 7);
  EXPECT_EQ(s.lost_share(), 0.1);
}

TEST_F(DatasetTest, TrainingTextsArePackedIntoRows) {
  std::string bytes;
  for (int n : {30, 5, 9, 3, 10, 70})
    bytes += Json{{"text", std::string(static_cast<size_t>(n), 'a')}}.dump() + "\n";
  options_.dataset = {file("t.jsonl", bytes)};
  options_.pack_length = 20;
  options_.eval_dataset = options_.dataset;
  const TrainingSets sets = load_training_sets(context(Stage::cpt));
  int64_t labels = 0;
  for (const Example& e : sets.train.examples) {
    EXPECT_LE(e.size(), 20);
    EXPECT_EQ(e.segments.front(), 0);
    for (const int32_t s : e.segments) EXPECT_EQ(e.weight[static_cast<size_t>(s)], 0);
    labels += e.supervised();
  }
  EXPECT_EQ(labels, 30 + 5 + 9 + 3 + 10 + 70);  // with the end of text, all but each text's first token
  EXPECT_EQ(sets.train.stats.supervised, labels);
  EXPECT_EQ(sets.train.stats.examples, static_cast<int64_t>(sets.train.examples.size()));
  EXPECT_NEAR(
      sets.train.stats.fill,
      static_cast<double>(sets.train.stats.tokens) / (20.0 * static_cast<double>(sets.train.examples.size())),
      1e-12);
  EXPECT_EQ(sets.train.examples.size(), 8U);  // pieces 20 ×4, 14, 12, 11, 10, 6, 4: no seven rows hold them
  for (const Example& e : sets.validation.examples) EXPECT_TRUE(e.segments.empty());
  EXPECT_EQ(sets.validation.stats.supervised, labels);
}

TEST(BestFit, FillsRowsOfACacheAlmostWhole) {
  std::vector<int64_t> lengths;
  int64_t tokens = 0;
  for (int i = 0; i < 2000; ++i) {
    lengths.push_back(1 + (i * 7919) % 700);
    tokens += lengths.back();
  }
  const auto rows = best_fit(lengths, 2048);
  std::set<uint32_t> seen;
  for (const auto& r : rows) {
    int64_t sum = 0;
    for (const uint32_t i : r) {
      sum += lengths[i];
      EXPECT_TRUE(seen.insert(i).second);
    }
    EXPECT_LE(sum, 2048);
  }
  EXPECT_EQ(seen.size(), lengths.size());
  EXPECT_GE(static_cast<double>(tokens) / (2048.0 * static_cast<double>(rows.size())), 0.98);
  EXPECT_THAT(best_fit(std::vector<int64_t>{6, 3, 7, 4}, 10),
              ElementsAre(ElementsAre(0, 3), ElementsAre(1, 2)));
}

TEST(SharedSets, EveryChatFileBecomesExamples) {
  KEEL_NEED_SHARED("data/tokenizers/minimind");
  KEEL_NEED_SHARED("data/sft");
  const fs::path tokenizers = test::shared_dir() / "data/tokenizers/minimind";
  const Tokenizer tokenizer = Tokenizer::from_folder(tokenizers);
  const ChatTemplate chat_template = ChatTemplate::from_folder(tokenizers);
  DataOptions options;
  options.max_samples = 1000;
  for (const auto& entry : fs::directory_iterator(test::shared_dir() / "data/sft")) {
    const std::string name = entry.path().filename();
    if (name.find("dpo") != std::string::npos || name.find("kto") != std::string::npos) continue;
    const Dataset set = load_dataset(
        {entry.path()}, {.options = options, .tokenizer = tokenizer, .chat_template = chat_template});
    printf("%-32s %s\n", name.c_str(), describe(set.stats).c_str());
    EXPECT_GT(set.stats.supervised, 0);
    EXPECT_EQ(set.stats.rejected, 0);
    for (const Example& e : set.examples) {
      EXPECT_LE(e.size(), options.cutoff_len);
      EXPECT_GT(e.supervised(), 0);
    }
  }
}

TEST_F(DatasetTest, TheListGivesEachSourceItsOwnReading) {
  file("a.jsonl", "{\"frage\":\"1\",\"antwort\":\"a\"}\n{\"frage\":\"2\",\"antwort\":\"a\"}\n");
  const std::string b = numbered("b.jsonl", 2);
  options_.dataset = {b};
  options_.dataset_dir = dir_.path();
  options_.datasets = Json::parse(R"([{"path":"a.jsonl","name":"fragen","weight":3,"max_samples":1,
    "columns":{"prompt":"frage","completion":"antwort"}}])");
  const TrainingSets sets = load_training_sets(context());
  EXPECT_THAT(sets.train.sources, ElementsAre(b, "fragen"));
  ASSERT_EQ(sets.train.examples.size(), 3U);
  EXPECT_EQ(sets.train.examples[2].source, 1);
  options_.datasets = Json::parse(R"([{"path":"a.jsonl","wieght":1}])");
  EXPECT_EQ(error_of([&] { load_training_sets(context()); }),
            "datasets[0]: unknown key 'wieght'\n  try:    did you mean 'weight'?");
  options_.datasets = nullptr;
  options_.columns = Json::parse(R"({"prompt":"frage","completion":"antwort"})");
  options_.dataset = {"a.jsonl"};
  EXPECT_EQ(load_training_sets(context()).train.examples.size(), 2U);
}

TEST_F(DatasetTest, OrderByTakesLengthOrAField) {
  std::string bytes;
  for (const auto& [answer, level] : {std::pair("long answer", "0.5"), {"an", "7"}, {"middle", "-1"}})
    bytes += Json{{"prompt", "q"}, {"completion", answer}, {"level", Json::parse(level)}}.dump() + "\n";
  options_.dataset = {file("rows.jsonl", bytes)};
  EXPECT_TRUE(load_training_sets(context()).train.order_keys.empty());
  options_.order_by = "level";
  EXPECT_THAT(load_training_sets(context()).train.order_keys, ElementsAre(0.5, 7, -1));
  options_.order_by = "length";
  const Dataset by_length = load_training_sets(context()).train;
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(by_length.order_keys[i], static_cast<double>(by_length.examples.length(i)));
}

TEST_F(DatasetTest, RowsWithoutTheNumberOfOrderByAreBadRows) {
  std::vector<Rejection> bad;
  DataContext c = context();
  c.rejected = [&](const Rejection& r) { bad.push_back(r); };
  options_.max_rejected = 1;
  options_.order_by = "level";
  options_.dataset = {file("rows.csv", "prompt,completion,level\nq,a,2.5\nq,b,hard\nq,c,\n")};
  options_.eval_dataset = {numbered("eval.jsonl", 2)};  // needs no level
  const TrainingSets sets = load_training_sets(c);
  EXPECT_THAT(sets.train.order_keys, ElementsAre(2.5));
  EXPECT_EQ(sets.validation.examples.size(), 2U);
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad[0].field, "level");
  EXPECT_EQ(bad[0].found, "the text \"hard\"");
  EXPECT_EQ(bad[1].found, "no such field");
  EXPECT_EQ(bad[1].wanted, "a number (order_by)");
}

TEST_F(DatasetTest, PackedTextsHaveNoOrder) {
  options_.dataset = {file("a.txt", "some text")};
  options_.order_by = "length";
  EXPECT_EQ(error_of([&] { load_training_sets(context(Stage::cpt)); }),
            "order_by: order_by: length with packed texts\n  wanted: packing: false\n"
            "  try:    a packed row holds texts of all kinds");
  options_.packing = false;
  EXPECT_EQ(load_training_sets(context(Stage::cpt)).train.order_keys.size(), 1U);
}

TEST_F(DatasetTest, ASourceMayBringItsOwnValidation) {
  numbered("a.jsonl", 5);
  file("a_eval.jsonl", "{\"prompt\":\"x\",\"antwort\":\"a\"}\n");
  numbered("b.jsonl", 4);
  numbered("b_eval.jsonl", 2);
  const std::string more = numbered("more.jsonl", 3);
  options_.dataset_dir = dir_.path();
  options_.eval_dataset = {more};
  options_.datasets = Json::parse(R"([{"path":"a.jsonl","name":"law","eval":"a_eval.jsonl","max_samples":1,
    "columns":{"completion":"antwort"}}, {"path":"b.jsonl","eval":"b_eval.jsonl"}, "more.jsonl"])");
  file("a.jsonl", "{\"prompt\":\"y\",\"antwort\":\"a\"}\n");
  const TrainingSets sets = load_training_sets(context());
  EXPECT_THAT(sets.validation.sources, ElementsAre(more, "law", "b.jsonl"));
  EXPECT_THAT(sets.validation.examples.sources(), ElementsAre(0, 0, 0, 1, 2, 2));
  options_.eval_dataset.clear();
  options_.val_size = 2;
  EXPECT_THAT(error_of([&] { load_training_sets(context()); }),
              HasSubstr("val_size and a dataset's eval, both"));
}

TEST_F(DatasetTest, HeldOutRowsKeepTheirSource) {
  options_.dataset = {numbered("a.jsonl", 30), file("b.jsonl", row("x", "y") + row("z", "y"))};
  options_.val_size = 0.5;
  const TrainingSets sets = load_training_sets(context());
  EXPECT_EQ(sets.validation.sources, options_.dataset);
  for (const Example& e : sets.validation.examples)
    EXPECT_THAT(e.place, HasSubstr(options_.dataset[static_cast<size_t>(e.source)]));
}

TEST_F(DatasetTest, PreferenceDataIsNotTrained) {
  const std::string pair = file("pair.jsonl", R"({"prompt":"q","chosen":"a","rejected":"b"})");
  EXPECT_EQ(error_of([&] { load_dataset({pair}, context()); }),
            pair +
                ":1: preference data (a pair of chosen and rejected replies)\n  wanted: replies to imitate\n"
                "  try:    Keel does not train on preferences; keep the good replies in a file of their own");
}

}  // namespace
}  // namespace keel
