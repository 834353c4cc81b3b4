// Rows that make a step non-finite are found by name, and only these.
#include "train/quarantine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/fs.h"
#include "train/step.h"
#include "train/tiny.h"

namespace keel {
namespace {

using Members = std::vector<uint32_t>;

class QuarantineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<Example> examples;
    for (int i = 0; i < 6; ++i) examples.push_back({.place = "rows.jsonl:" + std::to_string(i + 1)});
    examples_ = ExampleSet::of(examples);
  }

  // Sick: any group that holds one of these.
  Quarantine::Fault fault_with(Members sick) {
    return [this, sick](const Members& members) {
      ++asked_;
      const bool hit = std::ranges::find_first_of(members, sick) != members.end();
      return hit ? std::string("loss NaN") : std::string();
    };
  }

  fs::path file() const { return dir_ / "quarantine.jsonl"; }

  test::TempDir dir_;
  ExampleSet examples_;
  int asked_ = 0;
};

TEST_F(QuarantineTest, TheSickRowIsNamedAndLeftOut) {
  Quarantine quarantine(examples_, file(), {});
  EXPECT_TRUE(quarantine.search(9, {{0, 1}, {2, 3}}, fault_with({3})));
  EXPECT_EQ(asked_, 4);  // two parts, and the two rows of the sick one
  EXPECT_EQ(quarantine.healthy({3, 2, 1, 0}), (Members{2, 1, 0}));
  EXPECT_EQ(read_text(file()), "{\"step\":9,\"place\":\"rows.jsonl:4\",\"found\":\"loss NaN\"}\n");
}

TEST_F(QuarantineTest, AStepOfSickRowsAloneIsJudgedByOthers) {
  Quarantine quarantine(examples_, file(), {});
  EXPECT_TRUE(quarantine.search(1, {{4}}, fault_with({4})));
  EXPECT_EQ(quarantine.rows().size(), 1U);
}

TEST_F(QuarantineTest, WhenEveryRowIsSickItIsNotTheRows) {
  Quarantine quarantine(examples_, file(), {});
  EXPECT_FALSE(quarantine.search(1, {{4}, {5}}, fault_with({0, 1, 2, 3, 4, 5})));
  EXPECT_TRUE(quarantine.rows().empty());
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(QuarantineTest, WhatIsSickOnlyTogetherIsKept) {
  Quarantine quarantine(examples_, file(), {});
  const auto together = [](const Members& m) {
    return std::string(m.size() > 1 ? "gradient norm infinite" : "");
  };
  EXPECT_FALSE(quarantine.search(1, {{0, 1}}, together));
  EXPECT_EQ(quarantine.healthy({0, 1}), (Members{0, 1}));
}

TEST_F(QuarantineTest, AResumedRunKnowsWhatItsCheckpointKnew) {
  write_file(file(), "{\"place\":\"of a step that is done again\"}\n");
  const Quarantine known(examples_, file(), {{.step = 2, .example = 5, .found = "loss NaN"}});
  EXPECT_EQ(known.healthy({4, 5}), (Members{4}));
  EXPECT_EQ(read_text(file()), "{\"step\":2,\"place\":\"rows.jsonl:6\",\"found\":\"loss NaN\"}\n");
  const Quarantine none(examples_, file(), {});
  EXPECT_FALSE(fs::exists(file()));
}

TEST(StepFault, ARowOfInfiniteWeightIsSickAndTheNextStepIsAsEver) {
  test::Tiny asked("llama"), plain("llama");
  std::vector<Example> bad{asked.examples[1]};
  for (float& w : bad[0].weight)
    if (w > 0) w = std::numeric_limits<float>::infinity();
  AdamW of_asked(test::trained(*asked.model), {}), of_plain(test::trained(*plain.model), {});
  Step a(*asked.model, of_asked, {}), b(*plain.model, of_plain, {});
  const Example* row = bad.data();
  EXPECT_EQ(a.fault_of(make_batch({&row, 1}, "token"), 1), "loss NaN");
  EXPECT_EQ(a.fault_of(asked.batch({0}), 1), "");
  const std::vector<Batch> one{asked.batch({0, 1})}, two{plain.batch({0, 1})};
  for (int step = 0; step < 2; ++step) {
    const StepOutcome x = a.run(one, {.learning_rate = 1e-2}), y = b.run(two, {.learning_rate = 1e-2});
    EXPECT_EQ(x.loss, y.loss);
    EXPECT_EQ(x.grad_norm, y.grad_norm);
  }
}

}  // namespace
}  // namespace keel
