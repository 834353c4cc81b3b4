// The model as it was, beside the model as it is, and the steps that ask it.
#include "train/reference.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "eval/nll.h"
#include "support/error_of.h"
#include "train/step.h"
#include "train/tiny.h"

namespace keel::test {
namespace {

void stretch(CausalLM& model, double by) {
  const at::NoGradGuard no_grad;
  for (const Parameter& p : model.parameters()) at::Tensor(p.tensor).mul_(by);
}

std::vector<at::Tensor> values_of(CausalLM& model) {
  std::vector<at::Tensor> out;
  for (const Parameter& p : model.parameters()) out.push_back(p.tensor.detach().clone());
  return out;
}

TEST(Reference, SaysWhatTheModelSaidAndLeavesTheModelAlone) {
  const Tiny tiny("llama");
  const Batch batch = tiny.batch({0, 1});
  Reference reference(*tiny.model);
  const at::Tensor then_N = reference.nll_N(batch, 256);
  stretch(*tiny.model, 1.2);
  const std::vector<at::Tensor> before = values_of(*tiny.model);
  EXPECT_TRUE(at::equal(reference.nll_N(batch, 256), then_N));
  const std::vector<at::Tensor> after = values_of(*tiny.model);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], after[i])) << i;
  reference.refresh();
  EXPECT_FALSE(at::equal(reference.nll_N(batch, 256), then_N));
  EXPECT_NEAR(reference.nll_N(batch, 256).mean(at::kDouble).item<double>(),
              nll_over(*tiny.model, tiny.examples).mean(), 1e-5);
}

// Its rows, head and all, stay those of the reference when the weights have changed back.
TEST(Reference, RowsOutliveTheExchange) {
  const Tiny tiny("llama");  // tied: the head is a trained weight
  Reference reference(*tiny.model);
  const at::Tensor head_then = tiny.model->head_VD().detach().clone();
  stretch(*tiny.model, 1.5);
  const TeacherRows rows = reference.rows(tiny.batch({0}));
  EXPECT_TRUE(at::equal(rows.head_VD, head_then));
  EXPECT_TRUE(at::equal(tiny.model->head_VD().detach(), head_then * 1.5));
}

TEST(Reference, ComesBackFromItsState) {
  const Tiny tiny("llama");
  Reference reference(*tiny.model);
  const at::Tensor then_N = reference.nll_N(tiny.batch({0}), 256);
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, value] : reference.state()) state[name] = value.clone();
  stretch(*tiny.model, 1.2);
  Reference other(*tiny.model);
  other.load_state(state);
  EXPECT_TRUE(at::equal(other.nll_N(tiny.batch({0}), 256), then_N));
  const std::string name = state.begin()->first;
  state.erase(name);
  EXPECT_EQ(error_of([&] { other.load_state(state); }),
            "reference model of the run: no tensor " + name +
                " of its shape\n"
                "  wanted: the checkpoint of a run with the same model and token_weighting\n"
                "  try:    resume with the model and tuning options of that run");
}

struct Trial {
  Tiny tiny{"llama"};
  Reference start{*tiny.model};
  AdamW optimiser{trained(*tiny.model), {}};

  StepOutcome outcome;
  // `steps` updates; returns how far the trained tokens' distributions have moved, by the teacher's measure.
  double run(StepOptions options, int steps, CausalLM* teacher = nullptr) {
    options.max_grad_norm = 1;
    Step step(*tiny.model, optimiser, options, {.weighting = &start, .start = &start, .teacher = teacher});
    const std::vector<Batch> micro{tiny.batch({0, 1})};
    for (int i = 0; i < steps; ++i) outcome = step.run(micro, {.learning_rate = 1e-2});
    return outcome.teacher_kl.value_or(NAN);
  }
};

TEST(StepWithReference, StmTrainsOnlyWhatTheStartThoughtPossible) {
  Trial trial;
  const at::Tensor then_N = trial.start.nll_N(trial.tiny.batch({0, 1}), 256);
  const double middle = then_N.median().item<double>();
  const LossOptions stm{.token_weighting = "stm", .weight_eos = -1, .stm_perplexity = std::exp(middle)};
  trial.run({.loss = stm}, 5);
  EXPECT_NEAR(trial.outcome.weight,
              then_N.le(std::log(std::exp(middle))).to(at::kDouble).mean().item<double>(), 1e-12);
  EXPECT_GT(trial.outcome.weight, 0.2);
  EXPECT_LT(trial.outcome.weight, 0.8);
}

// At first the ratio is 1 everywhere; then tokens that got likelier than the clip allows are left out.
TEST(StepWithReference, PsftIsPlainAtFirstAndThenClips) {
  Trial trial;
  const StepOptions options{.loss = {.token_weighting = "psft", .weight_eos = -1}};
  trial.run(options, 1);
  EXPECT_NEAR(trial.outcome.weight, 1, 1e-5);
  trial.run(options, 8);
  EXPECT_LT(trial.outcome.weight, 0.9);
}

TEST(StepWithReference, AModelThatIsHeldOnItsTrainingTokensMovesLess) {
  const StepOptions plain{.loss = {.token_weighting = "none"}};
  const auto moved = [&](double divergence) {
    StepOptions options = plain;
    options.teaching.divergence = divergence;
    return Trial().run(options, 20);
  };
  const double free = moved(1e-9), held = moved(1), more = moved(20);
  EXPECT_LT(held, 0.8 * free);
  EXPECT_LT(more, 0.5 * held);
  Trial first;
  EXPECT_NEAR(first.run({.loss = plain.loss, .teaching = {.divergence = 1}}, 1), 0, 1e-6);
}

// With c = 0 a model learns its teacher alone, and comes nearer to it.
TEST(StepWithReference, DistillGoesToItsTeacher) {
  const Tiny teacher("llama");
  stretch(*teacher.model, 1.1);
  const StepOptions options{.loss = {.token_weighting = "none"},
                            .teaching = {.label = 0, .cross_entropy = 1}};
  const double first = Trial().run(options, 1, teacher.model.get());
  const double last = Trial().run(options, 30, teacher.model.get());
  EXPECT_GT(first, 0.01);
  EXPECT_LT(last, 0.3 * first);
}

TEST(StepWithReference, AccumulationChangesNothing) {
  const auto norm = [](const std::vector<std::vector<size_t>>& split, const StepOptions& options) {
    Trial trial;
    stretch(*trial.tiny.model, 1.05);
    Step step(*trial.tiny.model, trial.optimiser, options,
              {.weighting = &trial.start, .start = &trial.start});
    std::vector<Batch> micro;
    for (const auto& members : split) micro.push_back(trial.tiny.batch(members));
    return step.run(micro, {.learning_rate = 0}).grad_norm;
  };
  for (const StepOptions& options :
       {StepOptions{.loss = {.token_weighting = "psft"}}, StepOptions{.loss = {.token_weighting = "gem"}},
        StepOptions{.loss = {.token_weighting = "nlirg"}, .teaching = {.label = .5, .cross_entropy = .5}}}) {
    const double packed = norm({{0, 1}}, options);
    EXPECT_GT(packed, 0);
    EXPECT_NEAR(norm({{0}, {1}}, options), packed, 1e-6 * packed);
  }
}

}  // namespace
}  // namespace keel::test
