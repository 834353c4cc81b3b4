#include "loss/teacher.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "loss_reference.h"

namespace keel::test {
namespace {

struct Taught {
  Problem own = random_problem(19, 12, 83, 21);
  Problem teacher = random_problem(19, 7, 83, 22);  // of another width

  TaughtLoss loss(const Teaching& teaching, const LossOptions& options) const {
    return taught_cross_entropy(own.input(), {teacher.hidden_ND, teacher.head_VD}, options, teaching);
  }
};

struct TaughtReference {
  double sum = 0;
  at::Tensor kl_N, hidden_grad_ND, head_grad_VD;
  double largest = 0;  // of any −ln p and −ln q
};

TaughtReference reference(const Taught& m, const Teaching& t, const at::Tensor& weight_N) {
  const at::Tensor hidden = m.own.hidden_ND.detach().to(at::kDouble).requires_grad_();
  const at::Tensor head = m.own.head_VD.detach().to(at::kDouble).requires_grad_();
  const at::Tensor log_p = at::log_softmax(hidden.mm(head.t()), 1);
  const at::Tensor log_q = at::log_softmax(
      m.teacher.hidden_ND.detach().to(at::kDouble).mm(m.teacher.head_VD.detach().to(at::kDouble).t()), 1);
  const at::Tensor nll = -log_p.gather(1, m.own.labels_N.unsqueeze(1)).squeeze(1);
  const at::Tensor ce = -(log_q.exp() * log_p).sum(1), kl = (log_q.exp() * (log_q - log_p)).sum(1);
  const at::Tensor weight = weight_N.to(at::kDouble);
  const at::Tensor sum = (m.own.coefficient_N.to(at::kDouble) *
                          (weight * (t.label * nll + t.cross_entropy * ce) + t.divergence * kl))
                             .sum();
  const auto grads = torch::autograd::grad({sum}, {hidden, head});
  const double largest = -at::min(log_p.min(), log_q.min()).item<double>();
  return {sum.item<double>(), kl.detach(), grads[0], grads[1], largest};
}

double logits_off(const Taught& m) { return logit_error(m.own) + logit_error(m.teacher); }

TEST(Teacher, ValueAndGradientAreTheFormulas) {
  const Taught m;
  for (const Teaching& t : {Teaching{.label = 0.5, .cross_entropy = 0.5},
                            Teaching{.label = 0, .cross_entropy = 1}, Teaching{.divergence = 2.0}}) {
    for (const char* weighting : {"none", "nlirg", "eaft", "psft"}) {
      const TaughtLoss got = m.loss(t, {.token_weighting = weighting, .loss_chunk = 4});
      const TaughtReference wanted = reference(m, t, got.loss.weight_N);
      const double scale = t.label + t.cross_entropy + t.divergence;
      // the error of the teacher's logits comes on top of that of the own ones
      const double bound =
          scale * gradient_error(m.own, at::ones({19})) * 2 * logits_off(m) / logit_error(m.own);
      const auto grads = torch::autograd::grad({got.loss.sum}, {m.own.hidden_ND, m.own.head_VD});
      EXPECT_LE(max_difference(grads[0], wanted.hidden_grad_ND), bound) << weighting;
      EXPECT_LE(max_difference(grads[1], wanted.head_grad_VD), bound) << weighting;
      EXPECT_GT(grads[0].abs().max().item<double>(), 20 * bound) << "or the test would say nothing";
      const double largest = wanted.largest + 1;  // of what an error of q is multiplied by; 1: that of ln q
      EXPECT_LE(max_difference(got.kl_N, wanted.kl_N), largest * (2 * logits_off(m) + 16 * kEps));
      EXPECT_NEAR(got.loss.sum.item<double>(), wanted.sum,
                  19 * 1.5 * scale * largest * (2 * logits_off(m) + 16 * kEps));
    }
  }
}

// What a weighting sees and reports does not depend on the teacher.
TEST(Teacher, SignalsAreThoseOfTheLossAlone) {
  const Taught m;
  const LossOptions options{.token_weighting = "eaft"};
  const LossResult alone = weighted_cross_entropy(m.own.input(), options);
  const LossResult taught = m.loss({.label = 0.3, .cross_entropy = 0.7}, options).loss;
  EXPECT_TRUE(at::equal(alone.nll_N, taught.nll_N));
  EXPECT_TRUE(at::equal(alone.entropy_N, taught.entropy_N));
  EXPECT_TRUE(at::equal(alone.weight_N, taught.weight_N));
}

TEST(Teacher, AModelThatTeachesItselfPullsNowhere) {
  Taught m;
  m.teacher = m.own;
  const TaughtLoss got = m.loss({.label = 0, .divergence = 3.0}, {.token_weighting = "none"});
  EXPECT_LE(got.kl_N.abs().max().item<double>(), 4 * logit_error(m.own));
  const auto grads = torch::autograd::grad({got.loss.sum}, {m.own.hidden_ND});
  EXPECT_LE(grads[0].abs().max().item<double>(), 3 * gradient_error(m.own, at::ones({19})));
}

// The sum along a random direction, as in the test of the divergence.
TEST(Teacher, GradientByFiniteDifferences) {
  Taught m;
  const Teaching teaching{.label = 0.5, .cross_entropy = 0.5, .divergence = 0.25};
  const LossOptions plain{.token_weighting = "none"};
  const auto grads = torch::autograd::grad({m.loss(teaching, plain).loss.sum}, {m.own.hidden_ND});
  const at::Tensor direction = random_problem(19, 12, 1, 77).hidden_ND.detach();
  const at::Tensor middle = m.own.hidden_ND.detach();
  const auto slope = [&](double h) {
    m.own.hidden_ND = middle + direction * h;
    const double up = m.loss(teaching, plain).loss.sum.item<double>();
    m.own.hidden_ND = middle - direction * h;
    return (up - m.loss(teaching, plain).loss.sum.item<double>()) / (2 * h);
  };
  constexpr double h = 1e-2;
  const double got = (grads[0] * direction).sum().item<double>();
  const double largest = reference(m, teaching, at::ones({19})).largest + 1;
  const double rounding = 19 * largest * (2 * logits_off(m) + 16 * kEps) / h;
  const double curved = std::abs(slope(2 * h) - slope(h));
  EXPECT_NEAR(got, slope(h), curved + rounding);
  EXPECT_GT(std::abs(got), 2 * (curved + rounding)) << "or the test would say nothing";
}

}  // namespace
}  // namespace keel::test
