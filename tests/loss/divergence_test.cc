#include "loss/divergence.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "loss_reference.h"

namespace keel::test {
namespace {

// Logits of the model as it was and as it is, and what the first one's rows say.
struct TwoModels {
  Problem was, now;
  TopLogProbs target;

  TwoModels(int64_t N, int64_t D, int64_t V, int64_t k)
      : was(random_problem(N, D, V, 11)), now(random_problem(N, D, V, 12)) {
    target = top_log_probs(was.hidden_ND, was.head_VD, k, 4);
  }
  Divergence divergence(int64_t chunk = 256) const {
    return divergence_from(target, now.hidden_ND, now.head_VD, chunk);
  }
};

struct DivergenceReference {
  at::Tensor kl_N, hidden_grad_ND, head_grad_VD;
};

// In double: the kept tokens and one bucket, by autograd.
DivergenceReference reference(const TwoModels& m) {
  const at::Tensor hidden = m.now.hidden_ND.detach().to(at::kDouble).requires_grad_();
  const at::Tensor head = m.now.head_VD.detach().to(at::kDouble).requires_grad_();
  const at::Tensor p = at::log_softmax(hidden.mm(head.t()), 1).gather(1, m.target.ids_NK.to(at::kLong)).exp();
  const at::Tensor p0 = m.target.log_p_NK.to(at::kDouble).exp();
  const at::Tensor rest = 1 - p.sum(1), rest0 = 1 - p0.sum(1);
  const at::Tensor kl = (p0 * (p0.log() - p.log())).sum(1) + at::xlogy(rest0, rest0) - at::xlogy(rest0, rest);
  const auto grads = torch::autograd::grad({kl.sum()}, {hidden, head});
  return {kl.detach(), grads[0], grads[1]};
}

// Of one row's divergence: two log-probabilities are off by the logits' error each, and the sums round.
double value_error(const TwoModels& m) { return 4 * (logit_error(m.now) + logit_error(m.was)) + 64 * kEps; }

double bound_of(const TwoModels& m) {
  return gradient_error(m.now, at::ones({m.now.hidden_ND.size(0)}, at::kFloat));
}

TEST(Divergence, ValueAndGradientAreTheFormulas) {
  const TwoModels m(9, 12, 83, 10);
  const DivergenceReference wanted = reference(m);
  for (const int64_t chunk : {1, 4, 256}) {
    const Divergence got = m.divergence(chunk);
    EXPECT_LE(max_difference(got.kl_N, wanted.kl_N), value_error(m));
    EXPECT_NEAR(got.sum.item<float>(), wanted.kl_N.sum().item<double>(), 9 * value_error(m));
    const auto grads = torch::autograd::grad({got.sum}, {m.now.hidden_ND, m.now.head_VD});
    EXPECT_LE(max_difference(grads[0], wanted.hidden_grad_ND), bound_of(m)) << chunk;
    EXPECT_LE(max_difference(grads[1], wanted.head_grad_VD), bound_of(m)) << chunk;
  }
}

// Σ over the whole vocabulary of p₀ ln(p₀/p), where nothing is left for the bucket.
TEST(Divergence, WithTheWholeVocabularyItIsExact) {
  const TwoModels m(5, 8, 31, 1000);
  ASSERT_EQ(m.target.ids_NK.size(1), 31);
  const auto log_p = [](const Problem& p) {
    return at::log_softmax(p.hidden_ND.detach().to(at::kDouble).mm(p.head_VD.detach().to(at::kDouble).t()),
                           1);
  };
  const at::Tensor was = log_p(m.was), now = log_p(m.now);
  const at::Tensor wanted = (was.exp() * (was - now)).sum(1);
  EXPECT_LE(max_difference(m.divergence().kl_N, wanted), value_error(m));
}

// The sum along a random direction. The error of a central difference is the rounding of its two sums over
// 2h, and a part in h² that a step of 2h makes four times as large.
TEST(Divergence, GradientByFiniteDifferences) {
  TwoModels m(3, 6, 19, 4);
  const auto grads = torch::autograd::grad({m.divergence().sum}, {m.now.hidden_ND});
  const at::Tensor direction = random_problem(3, 6, 1, 77).hidden_ND.detach();
  const at::Tensor middle = m.now.hidden_ND.detach();
  const auto sum_at = [&](double step) {
    m.now.hidden_ND = middle + direction * step;
    return m.divergence().kl_N.sum(at::kDouble).item<double>();
  };
  const auto slope = [&](double h) { return (sum_at(h) - sum_at(-h)) / (2 * h); };
  constexpr double h = 1e-2;
  const double got = (grads[0] * direction).sum().item<double>(), rounding = 3 * value_error(m) / h;
  const double curved = std::abs(slope(2 * h) - slope(h));
  EXPECT_NEAR(got, slope(h), curved + rounding);
  EXPECT_GT(std::abs(got), 2 * (curved + rounding)) << "or the test would say nothing";
}

TEST(Divergence, OfAModelFromItselfIsNothing) {
  TwoModels m(6, 8, 40, 5);
  m.now = m.was;
  const Divergence got = m.divergence();
  EXPECT_LE(got.kl_N.abs().max().item<float>(), value_error(m));
  const auto grads = torch::autograd::grad({got.sum}, {m.now.hidden_ND});
  EXPECT_LE(grads[0].abs().max().item<float>(), bound_of(m));
}

// A bucket hides what moves inside it, so it can only lose.
TEST(Divergence, FewerKeptTokensNeverShowMore) {
  double last = 0;
  for (const int64_t k : {1, 3, 9, 40}) {
    const TwoModels m(8, 10, 40, k);
    const double sum = m.divergence().kl_N.sum().item<double>();
    EXPECT_GE(sum, last - 2 * 8 * value_error(m)) << k;
    last = sum;
  }
}

// Where the kept tokens hold everything, the bucket is empty, not a logarithm of rounding.
TEST(Divergence, ASureModelLeavesNoBucket) {
  TwoModels m(2, 4, 30, 2);
  m.target.log_p_NK = at::tensor({0.0F, -40.0F, 0.0F, -40.0F}).view({2, 2});
  const Divergence got = m.divergence();
  const auto grads = torch::autograd::grad({got.sum}, {m.now.hidden_ND});
  EXPECT_TRUE(at::isfinite(got.kl_N).all().item<bool>());
  EXPECT_TRUE(at::isfinite(grads[0]).all().item<bool>());
}

// bf16 rounds each logit to 8 bits: each ln p is off by twice that at most.
TEST(Divergence, Bf16WithinTheFormat) {
  TwoModels m(7, 12, 64, 8);
  const DivergenceReference wanted = reference(m);
  const auto as_bf16 = [](at::Tensor& t) { t = t.detach().to(at::kBFloat16).requires_grad_(); };
  const double largest = m.now.hidden_ND.detach().mm(m.now.head_VD.detach().t()).abs().max().item<double>();
  as_bf16(m.now.hidden_ND);
  as_bf16(m.now.head_VD);
  const Divergence got = m.divergence();
  const double sizes =
      m.now.hidden_ND.detach().abs().mm(m.now.head_VD.detach().abs().t()).max().item<double>();
  EXPECT_LE(max_difference(got.kl_N, wanted.kl_N), 2 * (0x1p-8 * largest + 0x1p-7 * sizes));
  EXPECT_TRUE(at::isfinite(torch::autograd::grad({got.sum}, {m.now.hidden_ND})[0]).all().item<bool>());
}

}  // namespace
}  // namespace keel::test
