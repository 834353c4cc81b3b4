#include "loss/loss.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "loss/gpu_rows.h"
#include "loss/kernel.h"
#include "loss/registry.h"
#include "loss_reference.h"

namespace keel::test {
namespace {

LossResult loss_of(const Problem& p, LossOptions options = {}) {
  return weighted_cross_entropy(p.input(), options);
}

TEST(Loss, DoesNotDependOnTheChunk) {
  const Problem p = random_problem(23, 16, 97);
  const LossResult whole = loss_of(p, {.loss_chunk = 23});
  const auto wanted = torch::autograd::grad({whole.sum}, {p.hidden_ND, p.head_VD});
  const double bound = gradient_error(p, whole.weight_N);
  for (const int64_t chunk : {1, 2, 5, 22, 24, 1000}) {
    const LossResult part = loss_of(p, {.loss_chunk = chunk});
    const auto grads = torch::autograd::grad({part.sum}, {p.hidden_ND, p.head_VD});
    EXPECT_LE(max_difference(part.nll_N, whole.nll_N), 2 * logit_error(p) + 4 * kEps) << chunk;
    EXPECT_LE(max_difference(grads[0], wanted[0]), bound) << chunk;
    EXPECT_LE(max_difference(grads[1], wanted[1]), bound) << chunk;
  }
}

TEST(Loss, LargeVocabulary) {
  const Problem p = random_problem(5, 8, 50257);
  const LossResult result = loss_of(p, {.loss_chunk = 2});
  result.sum.backward();
  const Reference wanted = reference(p, result.weight_N);
  const double signal_bound = 2 * logit_error(p) + 64 * kEps;
  EXPECT_LE(max_difference(result.nll_N, wanted.nll_N), signal_bound);
  EXPECT_LE(max_difference(result.entropy_N, wanted.entropy_N), signal_bound * std::log(50257));
  EXPECT_LE(max_difference(p.hidden_ND.grad(), wanted.hidden_grad_ND), gradient_error(p, result.weight_N));
  EXPECT_LE(max_difference(p.head_VD.grad(), wanted.head_grad_VD), gradient_error(p, result.weight_N));
}

// bf16 keeps 8 significant bits: logits and their gradients are rounded to it, each by at most 2^-8 of
// itself.
TEST(Loss, Bf16WithinTheFormat) {
  constexpr double kHalfUlp = 0x1p-8;
  Problem p = random_problem(19, 16, 203);
  p.hidden_ND = (p.hidden_ND.detach() * 0.5).to(at::kBFloat16).requires_grad_();
  p.head_VD = p.head_VD.detach().to(at::kBFloat16).requires_grad_();
  const LossResult result = loss_of(p, {.token_weighting = "none", .loss_chunk = 7});
  result.sum.backward();
  ASSERT_EQ(p.hidden_ND.grad().scalar_type(), at::kBFloat16);
  ASSERT_EQ(p.head_VD.grad().scalar_type(), at::kBFloat16);
  const Reference wanted = reference(p, result.weight_N);

  const at::Tensor hidden = p.hidden_ND.detach().to(at::kDouble), head = p.head_VD.detach().to(at::kDouble);
  const double logit = kHalfUlp * hidden.mm(head.t()).abs().max().item<double>() + 1e-5;
  EXPECT_LE(max_difference(result.nll_N, wanted.nll_N), 2 * logit);
  EXPECT_LE(max_difference(result.entropy_N, wanted.entropy_N), 2 * logit * std::log(203));
  // of each term of a gradient: p off by a factor of exp(±2·logit), then one rounding; last, the result's
  // own, and for the head's gradient one of the part of each chunk
  const at::Tensor p_NV = wanted.probability_NV;
  const at::Tensor share = p.coefficient_N.to(at::kDouble).unsqueeze(1);
  const at::Tensor term = (p_NV - at::one_hot(p.labels_N, 203)).abs() * share;
  const at::Tensor error = p_NV * share * std::expm1(2 * logit) + kHalfUlp * term;
  const at::Tensor hidden_bound = error.mm(head.abs()) + kHalfUlp * (term + error).mm(head.abs());
  const at::Tensor head_bound =
      error.t().mm(hidden.abs()) + 2 * kHalfUlp * (term + error).t().mm(hidden.abs());
  const auto worst = [](const at::Tensor& got, const at::Tensor& want, const at::Tensor& bound) {
    return ((got.to(at::kDouble) - want).abs() / bound).max().item<double>();
  };
  EXPECT_LE(worst(p.hidden_ND.grad(), wanted.hidden_grad_ND, hidden_bound), 1);
  EXPECT_LE(worst(p.head_VD.grad(), wanted.head_grad_VD, head_bound), 1);
}

TEST(Loss, IncomingGradientScales) {
  const Problem p = random_problem(9, 6, 31);
  const auto plain = torch::autograd::grad({loss_of(p).sum}, {p.hidden_ND, p.head_VD});
  const auto scaled = torch::autograd::grad({loss_of(p).sum * 0.25}, {p.hidden_ND, p.head_VD});
  EXPECT_TRUE(at::equal(scaled[0], plain[0] * 0.25));  // a power of two: exact
  EXPECT_TRUE(at::equal(scaled[1], plain[1] * 0.25));
}

TEST(Loss, GradientOnlyWhereWanted) {
  Problem p = random_problem(9, 6, 31);
  const auto both = torch::autograd::grad({loss_of(p).sum}, {p.hidden_ND, p.head_VD});
  Problem frozen = p;
  frozen.head_VD = p.head_VD.detach();
  loss_of(frozen).sum.backward();
  EXPECT_TRUE(at::equal(frozen.hidden_ND.grad(), both[0]));
  EXPECT_FALSE(frozen.head_VD.grad().defined());

  Problem head_only = p;
  head_only.hidden_ND = p.hidden_ND.detach();
  loss_of(head_only).sum.backward();
  EXPECT_TRUE(at::equal(head_only.head_VD.grad(), both[1]));

  const at::NoGradGuard no_grad;
  const LossResult evaluated = loss_of(p);
  EXPECT_FALSE(evaluated.sum.requires_grad());
  EXPECT_FALSE(evaluated.nll_N.requires_grad());
}

TEST(Loss, ASecondBackwardIsRefused) {
  const Problem p = random_problem(3, 4, 9);
  const at::Tensor sum = loss_of(p).sum;
  sum.backward({}, /*retain_graph=*/true);
  EXPECT_THROW(sum.backward(), std::exception);
}

TEST(Loss, NoRowsAtAll) {
  const Problem p = random_problem(0, 6, 31);
  const LossResult result = loss_of(p);
  result.sum.backward();
  EXPECT_EQ(result.sum.item<float>(), 0);
  EXPECT_EQ(result.nll_N.numel(), 0);
  EXPECT_EQ(p.hidden_ND.grad().numel(), 0);
  EXPECT_TRUE(at::equal(p.head_VD.grad(), at::zeros({31, 6})));
}

TEST(Loss, EndOfTurnHasItsOwnWeight) {
  const Problem p = random_problem(10, 6, 31);
  const auto weights = [&](LossOptions options) { return loss_of(p, options).weight_N; };
  const at::Tensor as_any = weights({.weight_eos = -1});
  const at::Tensor one = weights({}), quarter = weights({.weight_eos = 0.25});
  for (int64_t i = 0; i < 10; ++i) {
    const bool end = i % 5 == 4;
    EXPECT_EQ(one[i].item<float>(), end ? 1.0f : as_any[i].item<float>());
    EXPECT_EQ(quarter[i].item<float>(), end ? 0.25f : as_any[i].item<float>());
  }
  EXPECT_NE(as_any[4].item<float>(), 1.0f);
  EXPECT_TRUE(at::equal(weights({.token_weighting = "none", .weight_eos = 0.25}), at::ones(10)));
}

TEST(Loss, NanStaysVisible) {
  for (const char* name : {"none", "nlirg", "nlirg-article", "dft"}) {
    Problem p = random_problem(6, 4, 1030);
    const LossResult clean = loss_of(p, {.token_weighting = name});
    p.hidden_ND.detach()[2][1] = std::numeric_limits<float>::quiet_NaN();
    const LossResult result = loss_of(p, {.token_weighting = name});
    EXPECT_FALSE(std::isfinite(result.sum.item<float>())) << name;
    EXPECT_TRUE(std::isnan(result.nll_N[2].item<float>())) << name;
    EXPECT_EQ(result.nll_N[3].item<float>(), clean.nll_N[3].item<float>()) << name;
    EXPECT_EQ(result.nll_N.isnan().sum().item<int64_t>(), 1) << name;
  }
}

// What other devices than the CPU run, for every weighting: values, sums and the gradient in place of the
// logits.
TEST(RowPass, EqualsTheComposition) {
  constexpr int64_t C = 13, V = 203;
  const Problem p = random_problem(C, 16, V);
  const at::NoGradGuard no_grad;
  const at::Tensor logits = p.hidden_ND.mm(p.head_VD.t());
  for (const std::string& name : weighting_names()) {
    const LossOptions options{.token_weighting = name};
    const auto run = [&](auto pass, at::Tensor& gradient) {
      at::Tensor out = at::empty({3, C});
      std::vector<double> loss(C);
      pass(gradient, {.labels = p.labels_N.const_data_ptr<int64_t>(),
                      .coefficient = p.coefficient_N.const_data_ptr<float>(),
                      .end_of_turn = p.end_of_turn_N.const_data_ptr<bool>(),
                      .nll = out.mutable_data_ptr<float>(),
                      .entropy = out.mutable_data_ptr<float>() + C,
                      .weight = out.mutable_data_ptr<float>() + 2 * C,
                      .loss = loss.data(),
                      .weighting = &find_weighting(name),
                      .options = &options,
                      .gradient = true});
      return at::cat({out, at::tensor(loss).to(at::kFloat).unsqueeze(0)});
    };
    at::Tensor own = logits.clone(), composed = logits.clone();
    const at::Tensor a = run(row_pass, own), b = run(row_pass_composed, composed);
    // a sum of V terms in float, and the logits' own rounding in exp; a weighting may raise it to powers
    const double bound = 64 * kEps * logits.abs().max().item<double>();
    EXPECT_LE(((a - b).abs() / (b.abs() + 1)).max().item<double>(), bound) << name;
    EXPECT_LE(max_difference(own, composed), bound * (1 + b[2].max().item<double>())) << name;
  }
}

TEST(Loss, WrongInputIsABug) {
  Problem p = random_problem(4, 4, 9);
  p.labels_N = at::full({4}, 9, at::kLong);
  EXPECT_THROW(loss_of(p), BugError);
  p = random_problem(4, 4, 9);
  p.coefficient_N = at::ones(3);
  EXPECT_THROW(loss_of(p), BugError);
  p = random_problem(4, 4, 9);
  p.head_VD = p.head_VD.detach().to(at::kBFloat16);
  EXPECT_THROW(loss_of(p), BugError);
  EXPECT_THROW(loss_of(random_problem(4, 4, 9), {.token_weighting = "plain"}), UserError);
}

TEST(LossZones, SharesOfTokensAndOfWeight) {
  const LossZones zones = loss_zones(at::tensor({0.1f, 1.45f, 1.5f, 6.6f, 14.9f, 15.0f, 20.0f, 3.0f}),
                                     at::tensor({1.0f, 1.0f, 2.0f, 1.0f, 1.0f, 0.0f, 0.0f, 2.0f}));
  const double tokens[] = {.25, .25, .25, .25}, weight[] = {.25, .5, .25, 0};
  for (int i = 0; i < 4; ++i) {
    EXPECT_DOUBLE_EQ(zones.tokens[i], tokens[i]) << i;
    EXPECT_DOUBLE_EQ(zones.weight[i], weight[i]) << i;
  }
  EXPECT_EQ(loss_zones(at::empty(0), at::empty(0)).tokens[0], 0);
}

}  // namespace
}  // namespace keel::test
