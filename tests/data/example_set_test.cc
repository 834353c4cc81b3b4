// Examples as they are kept: what comes out is what went in, from memory and from files.
#include "data/example_set.h"

#include <gtest/gtest.h>

#include "support/paths.h"

namespace keel {
namespace {

Example chat(int32_t first_id, const std::string& place, int32_t source = 0) {
  return {.ids = {first_id, first_id + 1, first_id + 2, first_id + 3, first_id + 4},
          .weight = {0, 0, 0.5, 0.5, 1},
          .turn = {-1, -1, 0, 0, 1},
          .end_of_turn = {0, 0, 0, 1, 1},
          .place = place,
          .source = source,
          .conversation_supervised = 3};
}

void expect_equal(const Example& a, const Example& b) {
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.weight, b.weight);
  EXPECT_EQ(a.turn, b.turn);
  EXPECT_EQ(a.end_of_turn, b.end_of_turn);
  EXPECT_EQ(a.segments, b.segments);
  EXPECT_EQ(a.place, b.place);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.conversation_supervised, b.conversation_supervised);
}

void fill(ExampleStore& store) {
  store.add({.examples = {chat(1, "a:1"), chat(11, "a:1")}, .stats = {.rows = 1, .longest = 9}}, 70, 0,
            "a:1");
  store.add({.stats = {.rows = 1, .no_label = 1}}, 71, 0, "a:2");
  store.add({.examples = {chat(21, "b:1", 1)}, .stats = {.rows = 1, .tokens = 5}}, 72, 1, "b:1");
  store.finish();
}

void expect_filled(const ExampleStore& store) {
  ASSERT_EQ(store.rows(), 3U);
  ASSERT_EQ(store.examples(), 3U);
  EXPECT_EQ(store.examples_of(0), (std::pair<uint32_t, uint32_t>{0, 2}));
  EXPECT_EQ(store.examples_of(1), (std::pair<uint32_t, uint32_t>{2, 2}));
  EXPECT_EQ(store.examples_of(2), (std::pair<uint32_t, uint32_t>{2, 3}));
  EXPECT_EQ(store.hash(1), 71U);
  EXPECT_EQ(store.stats(0).longest, 9);
  EXPECT_EQ(store.stats(1).no_label, 1);
  EXPECT_EQ(store.stats(2).tokens, 5);
  EXPECT_EQ(store.runs(0).size(), 4U);
  expect_equal(store.example(0), chat(1, "a:1"));
  expect_equal(store.example(1), chat(11, "a:1"));
  expect_equal(store.example(2), chat(21, "b:1", 1));
}

TEST(ExampleStore, GivesBackWhatItTookFromMemoryAndFromFiles) {
  ExampleStore memory;
  fill(memory);
  expect_filled(memory);
  const test::TempDir dir;
  ExampleStore files(dir.path());
  fill(files);
  expect_filled(files);
  const Json sizes = files.sizes();
  expect_filled(ExampleStore::open(dir.path(), sizes));
  fs::resize_file(dir / "runs", 16);
  EXPECT_THROW(ExampleStore::open(dir.path(), sizes), UserError);
}

TEST(ExampleSet, IsTheExamplesOfItsRows) {
  auto store = std::make_shared<ExampleStore>();
  fill(*store);
  const ExampleSet set(store, std::vector<uint32_t>{2, 1, 0});
  ASSERT_EQ(set.size(), 3U);
  expect_equal(set[0], chat(21, "b:1", 1));
  expect_equal(set[2], chat(11, "a:1"));
  EXPECT_EQ(set.lengths(), (std::vector<int64_t>{5, 5, 5}));
  EXPECT_EQ(set.sources(), (std::vector<int32_t>{1, 0, 0}));
  EXPECT_TRUE(set.has_conversations());
  EXPECT_TRUE(ExampleSet().empty());
}

TEST(ExampleSet, SourcesDoNotSharePackedRows) {
  const auto piece = [](int32_t source) {
    return Example{.ids = {1, 2},
                   .weight = {0, 1},
                   .turn = {0, 0},
                   .end_of_turn = {0, 0},
                   .place = "p",
                   .source = source};
  };
  const ExampleSet rows = ExampleSet::of({piece(0), piece(1), piece(0)}).packed(10);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.length(0), 4);
  EXPECT_EQ(rows[0].segments, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(rows[0].turn, (std::vector<int32_t>{0, 0, 1, 1}));
  EXPECT_EQ(rows[0].place, "p and 1 more");
  EXPECT_EQ(rows[1].segments, (std::vector<int32_t>{0}));
  EXPECT_EQ(rows[1].source, 1);
}

TEST(ExampleSet, ASpreadSampleIsEvenAndFits) {
  std::vector<Example> rows;
  for (int32_t i = 0; i < 20; ++i) rows.push_back(chat(i, "a"));  // five tokens each
  const ExampleSet set = ExampleSet::of(rows);
  const auto firsts = [&](int64_t count, int64_t tokens) {
    std::vector<int32_t> out;
    for (const Example& e : set.spread(count, tokens)) out.push_back(e.ids[0]);
    return out;
  };
  EXPECT_EQ(firsts(4, 1000), (std::vector<int32_t>{2, 7, 12, 17}));
  EXPECT_EQ(firsts(100, 1000).size(), 20U);
  EXPECT_EQ(firsts(4, 10), (std::vector<int32_t>{5, 15}));
  EXPECT_EQ(firsts(4, 1), (std::vector<int32_t>{10}));
  EXPECT_TRUE(ExampleSet::of({}).spread(4, 10).empty());
}

}  // namespace
}  // namespace keel
