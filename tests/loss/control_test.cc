// The controls of a weighting: the same weights on other tokens, and no weights at all.
#include "loss/control.h"

#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>

#include "loss_reference.h"

namespace keel {
namespace {

using test::max_difference;
using test::Problem;
using test::random_problem;

struct Trained {
  LossResult loss;
  at::Tensor hidden_grad_ND, head_grad_VD;
};

Trained trained(const Problem& p, const std::string& weighting, const std::string& control) {
  Trained out{.loss = weighted_cross_entropy(p.input(),
                                             {.token_weighting = weighting, .weighting_control = control})};
  const auto grads = torch::autograd::grad({out.loss.sum}, {p.hidden_ND, p.head_VD});
  out.hidden_grad_ND = grads[0];
  out.head_grad_VD = grads[1];
  return out;
}

at::Tensor sorted(const at::Tensor& values) { return std::get<0>(values.sort()); }

class Controls : public testing::TestWithParam<const char*> {
 protected:
  // What a control is to have trained: every token with the weight that the result tells.
  void expect_trained_with(const at::Tensor& weight_N, const Trained& got) const {
    const test::Reference wanted = test::reference(p_, weight_N);
    const double bound = test::gradient_error(p_, weight_N);
    EXPECT_NEAR(got.loss.sum.item<double>(), wanted.sum,
                static_cast<double>(p_.labels_N.numel()) * test::logit_error(p_) * 4);
    EXPECT_LE(max_difference(got.hidden_grad_ND, wanted.hidden_grad_ND), bound);
    EXPECT_LE(max_difference(got.head_grad_VD, wanted.head_grad_VD), bound);
  }

  Problem p_ = random_problem(40, 12, 50);
  LossResult plain_ = weighted_cross_entropy(p_.input(), {.token_weighting = GetParam()});
};

INSTANTIATE_TEST_SUITE_P(All, Controls, testing::Values("nlirg", "dft", "eaft"));

TEST_P(Controls, PermutedGivesTheSameWeightsToOtherTokens) {
  const Trained got = trained(p_, GetParam(), "permuted");
  const at::Tensor weight_N = got.loss.weight_N;
  EXPECT_TRUE(at::equal(sorted(weight_N), sorted(plain_.weight_N)));
  EXPECT_TRUE(at::equal(weight_N.index({p_.end_of_turn_N}), plain_.weight_N.index({p_.end_of_turn_N})));
  EXPECT_FALSE(at::equal(weight_N, plain_.weight_N));
  EXPECT_TRUE(at::equal(got.loss.nll_N, plain_.nll_N));
  expect_trained_with(weight_N, got);
}

TEST_P(Controls, PermutedIsTheSameEachTimeAndAnotherForOtherRows) {
  const at::Tensor first = trained(p_, GetParam(), "permuted").loss.weight_N;
  EXPECT_TRUE(at::equal(trained(p_, GetParam(), "permuted").loss.weight_N, first));
  p_.labels_N =
      (p_.labels_N + p_.end_of_turn_N.to(at::kLong)) % 50;  // ends of turn alone: other weights stay
  EXPECT_FALSE(at::equal(trained(p_, GetParam(), "permuted").loss.weight_N, first));
}

TEST_P(Controls, ScaledIsPlainAndTellsTheWeights) {
  const Trained got = trained(p_, GetParam(), "scaled");
  EXPECT_TRUE(at::equal(got.loss.weight_N, plain_.weight_N));
  expect_trained_with(at::ones({40}), got);
}

TEST(Control, OfNoRowsIsNothing) {
  Problem p = random_problem(0, 4, 9);
  for (const char* control : {"permuted", "scaled"})
    EXPECT_EQ(weighted_cross_entropy(p.input(), {.token_weighting = "nlirg", .weighting_control = control})
                  .sum.item<double>(),
              0);
}

}  // namespace
}  // namespace keel
