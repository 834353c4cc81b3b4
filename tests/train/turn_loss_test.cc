// What turns count: the four ways to train a conversation, and max_turn_loss.
#include <gtest/gtest.h>

#include <cmath>

#include "train/step.h"
#include "train/tiny.h"

namespace keel {
namespace {

// A conversation of three turns over the tiny model's ids: lengths of question and reply by turn.
Example conversation(const Json& ids, size_t at, const std::vector<std::pair<int, int>>& turns) {
  Example e{.place = "made here"};
  for (size_t turn = 0; turn < turns.size(); ++turn) {
    for (int i = 0; i < turns[turn].first + turns[turn].second; ++i) {
      const bool reply = i >= turns[turn].first;
      e.ids.push_back(ids[(at + e.ids.size()) % ids.size()].get<int32_t>());
      e.weight.push_back(reply ? 1.0F : 0.0F);
      e.turn.push_back(reply ? static_cast<int32_t>(turn) : -1);
      e.end_of_turn.push_back(0);
    }
  }
  return e;
}

// The conversation up to and with a turn, only this one trained.
Example only_turn(const Example& whole, int32_t turn) {
  Example e{.place = whole.place};
  for (size_t t = 0; t < whole.ids.size() && whole.turn[t] <= turn; ++t) {
    e.ids.push_back(whole.ids[t]);
    e.weight.push_back(whole.turn[t] == turn ? whole.weight[t] : 0.0F);
    e.turn.push_back(whole.turn[t]);
    e.end_of_turn.push_back(0);
  }
  return e;
}

struct Conversations {
  test::Tiny tiny{"llama"};
  Example a = conversation(tiny.golden["ids"], 0, {{3, 2}, {2, 5}, {1, 1}});
  Example b = conversation(tiny.golden["ids"], 5, {{2, 4}, {1, 2}});
  std::vector<Example> turns;

  Conversations() {
    for (int32_t t = 0; t < 3; ++t) turns.push_back(only_turn(a, t));
    for (int32_t t = 0; t < 2; ++t) turns.push_back(only_turn(b, t));
  }
};

struct Outcome {
  StepOutcome step;
  std::map<std::string, at::Tensor> gradient;
};

// One step at rate 0: AdamW's first moment is then 0.1 × the gradient.
Outcome run(Conversations& c, const std::vector<std::vector<const Example*>>& micro_batches,
            const std::string& reduction, const LossOptions& loss) {
  AdamW optimiser(test::trained(*c.tiny.model), {});
  Step step(*c.tiny.model, optimiser, {.loss = loss, .max_grad_norm = 0});
  std::vector<Batch> micro;
  for (const auto& members : micro_batches) micro.push_back(make_batch(members, reduction));
  Outcome out{.step = step.run(micro, {.learning_rate = 0}), .gradient = {}};
  for (const auto& [name, value] : optimiser.state()) {
    if (name.starts_with("exp_avg.")) out.gradient[name] = value.clone() * 10;
  }
  return out;
}

double relative_difference(const Outcome& a, const Outcome& b) {
  double difference = 0, norm = 0;
  for (const auto& [name, value] : a.gradient) {
    difference += (value - b.gradient.at(name)).square().sum(at::kDouble).item<double>();
    norm += value.square().sum(at::kDouble).item<double>();
  }
  EXPECT_GT(norm, 0);
  return std::sqrt(difference / norm);
}

struct FourWaysCase {
  const char *reduction, *weighting;
  double max_turn_loss;
};

class FourWays : public testing::TestWithParam<FourWaysCase> {};

TEST_P(FourWays, GiveTheSameGradient) {
  Conversations c;
  const std::string r = GetParam().reduction;
  const LossOptions loss{.token_weighting = GetParam().weighting, .max_turn_loss = GetParam().max_turn_loss};
  const auto& t = c.turns;
  const Outcome merged = run(c, {{&c.a}, {&c.b}}, r, loss);
  const Outcome one_turn_a_sample = run(c, {{&t[0]}, {&t[1]}, {&t[2]}, {&t[3]}, {&t[4]}}, r, loss);
  const Outcome packed = run(c, {{&c.a, &c.b}}, r, loss);
  const Outcome accumulated = run(c, {{&t[0], &c.b}, {&t[1], &t[2]}}, r, loss);
  for (const Outcome* other : {&one_turn_a_sample, &packed, &accumulated}) {
    EXPECT_LE(relative_difference(merged, *other), 1e-5);
    EXPECT_NEAR(other->step.loss, merged.step.loss, 1e-5 * merged.step.loss);
    EXPECT_NEAR(other->step.denominator, merged.step.denominator, 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(All, FourWays,
                         testing::Values(FourWaysCase{"token", "none", 0}, FourWaysCase{"turn", "none", 0},
                                         FourWaysCase{"turn", "nlirg", 0}, FourWaysCase{"turn", "none", 5.5},
                                         FourWaysCase{"token", "nlirg", 0.3}));

// Turn means from the step's own losses, the limit between them.
TEST(MaxTurnLoss, ScalesATurnDownToTheLimit) {
  Conversations c;
  const Outcome plain = run(c, {{&c.a}}, "turn", {.token_weighting = "none"});
  const at::Tensor nll = plain.step.nll_N.to(at::kDouble);
  const double means[] = {nll.slice(0, 0, 2).mean().item<double>(), nll.slice(0, 2, 7).mean().item<double>(),
                          nll.slice(0, 7, 8).mean().item<double>()};
  const double limit = (*std::ranges::min_element(means) + *std::ranges::max_element(means)) / 2;
  double want = 0;
  for (const double mean : means) want += std::min(mean, limit) / 3;
  ASSERT_LT(want, plain.step.loss - 1e-4);
  const Outcome limited = run(c, {{&c.a}}, "turn", {.token_weighting = "none", .max_turn_loss = limit});
  EXPECT_NEAR(limited.step.loss, want, 1e-5 * want);
  EXPECT_GT(relative_difference(plain, limited), 1e-4);
  const Outcome above = run(c, {{&c.a}}, "turn", {.token_weighting = "none", .max_turn_loss = 1e3});
  EXPECT_EQ(relative_difference(plain, above), 0);
}

}  // namespace
}  // namespace keel
