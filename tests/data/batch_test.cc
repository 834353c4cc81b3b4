// Batches: the shift, the segments, and the four reductions with the values of docs/numerics.md.
#include "data/batch.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace keel {
namespace {

// One conversation: before each turn of n labels stands one token of context. Ids count up from `first_id`.
Example conversation(const std::vector<int>& labels_of_turns, int32_t first_id = 100) {
  Example e{.place = "made here"};
  for (size_t turn = 0; turn < labels_of_turns.size(); ++turn) {
    for (int i = 0; i <= labels_of_turns[turn]; ++i) {
      e.ids.push_back(first_id + static_cast<int32_t>(e.ids.size()));
      e.weight.push_back(i > 0 ? 1.0F : 0.0F);
      e.turn.push_back(i > 0 ? static_cast<int32_t>(turn) : -1);
      e.end_of_turn.push_back(i == labels_of_turns[turn] ? 1 : 0);
    }
  }
  return e;
}

// The same with only one turn trained: what stands behind it is left out.
Example only_turn(const Example& whole, int32_t turn) {
  Example e = whole;
  for (size_t t = 0; t < e.ids.size(); ++t) {
    if (e.turn[t] != turn) e.weight[t] = 0;
  }
  return e;
}

struct Sum {
  double numerator = 0, denominator = 0;
  double loss() const { return numerator / denominator; }
};

// Σ coefficient · loss, the labels' losses in order.
Sum sum_of(const Batch& batch, const std::vector<double>& losses) {
  EXPECT_EQ(batch.supervised(), static_cast<int64_t>(losses.size()));
  Sum sum{.denominator = batch.denominator};
  for (size_t n = 0; n < losses.size(); ++n)
    sum.numerator += losses[n] * batch.coefficient_N[static_cast<int64_t>(n)].item<double>();
  return sum;
}

Batch batch_of(std::vector<const Example*> examples, const std::string& reduction) {
  return make_batch(examples, reduction);
}

// coefficient_N is float32: one rounding of at most 2^-24 of each coefficient.
constexpr double kFloatRounding = 6e-8;

struct ReductionCase {
  const char* reduction;
  double example_a, example_b;
};

class Reductions : public ::testing::TestWithParam<ReductionCase> {};

TEST_P(Reductions, GiveThePrintedValues) {
  const Example a = conversation({2, 4});
  const Sum sum_a = sum_of(batch_of({&a}, GetParam().reduction), {1, 1, .5, .5, .5, .5});
  EXPECT_NEAR(sum_a.loss(), GetParam().example_a, 5e-5);  // the values are printed to four places
  const Example one = conversation({2}), three = conversation({2, 4, 2});
  const Sum sum_b = sum_of(batch_of({&one, &three}, GetParam().reduction), {1, 1, 1, 1, 1, 1, 1, 1, .2, .2});
  EXPECT_NEAR(sum_b.loss(), GetParam().example_b, 5e-5);
}

TEST_P(Reductions, UserWeightsStandInNumeratorAndDenominator) {
  Example heavy = conversation({2, 4});
  for (float& w : heavy.weight) w *= 2;
  const Example light = conversation({3});
  const std::vector<double> losses_heavy{1, 2, 3, 4, 5, 6}, losses_light{7, 8, 9};
  const Sum h = sum_of(batch_of({&heavy}, GetParam().reduction), losses_heavy);
  const Example plain = conversation({2, 4});
  const Sum p = sum_of(batch_of({&plain}, GetParam().reduction), losses_heavy);
  EXPECT_NEAR(h.numerator, 2 * p.numerator, 2 * p.numerator * kFloatRounding);
  EXPECT_NEAR(h.denominator, 2 * p.denominator, 1e-12);
  const Sum l = sum_of(batch_of({&light}, GetParam().reduction), losses_light);
  const Sum both = sum_of(batch_of({&heavy, &light}, GetParam().reduction), {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_NEAR(both.loss(), (h.numerator + l.numerator) / (h.denominator + l.denominator), 1e-6);
}

TEST_P(Reductions, DoNotDependOnTheSplitIntoMicroBatches) {
  const Example a = conversation({2, 4}), b = conversation({1}), c = conversation({2, 1, 5});
  const std::string r = GetParam().reduction;
  const Sum all = sum_of(batch_of({&a, &b, &c}, r), {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6});
  const Sum first = sum_of(batch_of({&a, &b}, r), {1, 2, 3, 4, 5, 6, 7});
  const Sum second = sum_of(batch_of({&c}, r), {8, 9, 1, 2, 3, 4, 5, 6});
  EXPECT_NEAR(all.numerator, first.numerator + second.numerator, 1e-12);
  EXPECT_NEAR(all.denominator, first.denominator + second.denominator, 1e-12);
}

TEST_P(Reductions, AConversationInOneSampleForEachTurnCountsTheSame) {
  const Example whole = conversation({2, 4, 1});
  const Example other = conversation({3}, 500);
  const std::vector<double> l{1, 2, 3, 4, 5, 6, 7}, lo{8, 9, 1};
  const std::string r = GetParam().reduction;
  const Sum merged = sum_of(batch_of({&whole}, r), l);
  const Sum rest = sum_of(batch_of({&other}, r), lo);

  std::vector<Example> turns;
  for (int32_t t = 0; t < 3; ++t) turns.push_back(only_turn(whole, t));
  // For token and turn nothing else is needed; sample and sqrt have to know the whole conversation.
  if (r == "sample" || r == "sqrt") {
    for (Example& e : turns) e.conversation_supervised = whole.supervised();
  }
  const Sum split = sum_of(batch_of({&turns[0], &turns[1], &turns[2]}, r), l);
  EXPECT_NEAR(split.numerator, merged.numerator, 28 * kFloatRounding);
  EXPECT_NEAR(split.denominator, merged.denominator, 1e-12);

  const Sum packed = sum_of(batch_of({&whole, &other}, r), {1, 2, 3, 4, 5, 6, 7, 8, 9, 1});
  const Sum accumulated_1 = sum_of(batch_of({&turns[0], &other}, r), {1, 2, 8, 9, 1});
  const Sum accumulated_2 = sum_of(batch_of({&turns[1], &turns[2]}, r), {3, 4, 5, 6, 7});
  EXPECT_NEAR(packed.numerator, merged.numerator + rest.numerator, 1e-12);
  EXPECT_NEAR(packed.denominator, merged.denominator + rest.denominator, 1e-12);
  EXPECT_NEAR(accumulated_1.numerator + accumulated_2.numerator, packed.numerator, 46 * kFloatRounding);
  EXPECT_NEAR(accumulated_1.denominator + accumulated_2.denominator, packed.denominator, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(All, Reductions,
                         ::testing::Values(ReductionCase{"token", 0.6667, 0.84},
                                           ReductionCase{"turn", 0.75, 0.80},
                                           ReductionCase{"sample", 0.6667, 0.90},
                                           ReductionCase{"sqrt", 0.6667, 0.8667}),
                         [](const auto& info) { return std::string(info.param.reduction); });

TEST(Batch, RowsPredictTheNextTokenOfTheirSegment) {
  Example chat = conversation({2, 1});  // ids 100 [101 102] 103 [104]
  chat.source = 3;
  Example texts{.ids = {1, 2, 3, 4, 5},
                .weight = {0, 1, 1, 0, 1},
                .turn = {0, 0, 0, 1, 1},
                .end_of_turn = {0, 0, 0, 0, 0},
                .segments = {0, 3}};
  const Batch batch = batch_of({&chat, &texts}, "token");
  const auto ints = [](const at::Tensor& t) {
    return std::vector<int64_t>(t.const_data_ptr<int64_t>(), t.const_data_ptr<int64_t>() + t.numel());
  };
  EXPECT_EQ(ints(batch.ids_T), (std::vector<int64_t>{100, 101, 102, 103, 104, 1, 2, 3, 4, 5}));
  EXPECT_EQ(batch.offsets, (std::vector<int64_t>{0, 5, 8, 10}));
  EXPECT_EQ(ints(batch.rows_N), (std::vector<int64_t>{0, 1, 3, 5, 6, 8}));
  EXPECT_EQ(ints(batch.labels_N), (std::vector<int64_t>{101, 102, 104, 2, 3, 5}));
  const at::Tensor ends = batch.end_of_turn_N.to(at::kLong);
  EXPECT_EQ(ints(ends), (std::vector<int64_t>{0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(batch.source_N, (std::vector<int32_t>{3, 3, 3, 0, 0, 0}));
  EXPECT_EQ(ints(batch.turn_N), (std::vector<int64_t>{0, 0, 1, 2, 2, 3}));
  EXPECT_EQ(batch.denominator, 6);
  EXPECT_EQ(batch.examples, (std::vector<const Example*>{&chat, &texts}));
}

TEST(Batch, ACappedTurnIsAveragedOverItsFirstLabels) {
  Example e = conversation({2, 4});
  const size_t cap = 2, second = 4;  // the second turn's labels are 4, 5, 6, 7
  for (size_t t = second + cap; t < second + 4; ++t) e.weight[t] = 0;
  const Sum sum = sum_of(batch_of({&e}, "turn"), {1, 1, .5, .25});
  EXPECT_NEAR(sum.loss(), ((1.0 + 1.0) / 2 + (.5 + .25) / 2) / 2, kFloatRounding);
  EXPECT_NEAR(sum_of(batch_of({&e}, "token"), {1, 1, .5, .25}).loss(), 2.75 / 4, kFloatRounding);
}

TEST(Batch, AutoIsTurnWhereAConversationHasSeveralTrainedTurns) {
  const Example one = conversation({3}), two = conversation({2, 4});
  const std::vector<Example> single{one, only_turn(two, 1)}, several{one, two};
  EXPECT_EQ(settle_reduction("auto", ExampleSet::of(single)), "token");
  EXPECT_EQ(settle_reduction("auto", ExampleSet::of(several)), "turn");
  EXPECT_EQ(settle_reduction("sqrt", ExampleSet::of(several)), "sqrt");
  const ExampleSet texts = ExampleSet::of({one, one}).packed(100);  // a row of two texts is no conversation
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(settle_reduction("auto", texts), "token");
  Example part = only_turn(two, 0);  // one turn a sample
  part.conversation_supervised = 6;
  EXPECT_EQ(settle_reduction("auto", ExampleSet::of({part})), "turn");
}

TEST(Batch, AnExampleWithoutLabelsAddsOnlyTokens) {
  const Example context = only_turn(conversation({2}), 7);
  for (const char* reduction : {"token", "turn", "sample", "sqrt"}) {
    const Batch batch = batch_of({&context}, reduction);
    EXPECT_EQ(batch.supervised(), 0);
    EXPECT_EQ(batch.tokens(), 3);
    EXPECT_EQ(batch.denominator, 0);
  }
}

TEST(Batch, ALabelWithNothingBeforeItIsABug) {
  Example first = conversation({2});
  first.weight[0] = 1;
  EXPECT_THROW(batch_of({&first}, "token"), BugError);
  Example seam = conversation({4});
  seam.segments = {0, 2};
  EXPECT_THROW(batch_of({&seam}, "token"), BugError);
  const Example good = conversation({2});
  EXPECT_THROW(batch_of({&good}, "mean"), BugError);
  EXPECT_THROW(batch_of({&good}, "auto"), BugError);
}

}  // namespace
}  // namespace keel
