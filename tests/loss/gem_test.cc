#include "loss/gem.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/json.h"
#include "loss_reference.h"
#include "support/paths.h"

namespace keel::test {
namespace {

LossOptions gem_options(double temperature, double slope) {
  return {.token_weighting = "gem", .gem_temperature = temperature, .gem_slope = slope, .loss_chunk = 3};
}

at::Tensor doubles(const Json& values) { return at::tensor(values.get<std::vector<double>>(), at::kDouble); }

// With the identity as head the logits are the hidden states, and so are their gradients.
TEST(Gem, GoldenRows) {
  const Json golden = read_json(golden_dir() / "weightings.json");
  std::vector<at::Tensor> rows;
  for (const Json& row : golden.at("logits")) rows.push_back(doubles(row));
  for (const Json& one : golden.at("gem")) {
    SCOPED_TRACE(one.at("options").dump());
    const Problem p{.hidden_ND = at::stack(rows).to(at::kFloat).requires_grad_(),
                    .head_VD = at::eye(40),
                    .labels_N = at::tensor(golden.at("labels").get<std::vector<int64_t>>()),
                    .coefficient_N = at::ones(6),
                    .end_of_turn_N = at::zeros(6, at::kBool)};
    const LossResult got =
        weighted_cross_entropy(p.input(), gem_options(one.at("options").value("gem_temperature", 0.7),
                                                      one.at("options").value("gem_slope", 0.01)));
    got.sum.backward();
    // q has the rounding of an exponent of up to 25/0.7, and is multiplied by as much
    constexpr double kLargest = 25 / 0.7;
    EXPECT_NEAR(got.sum.item<double>(), doubles(one.at("loss")).sum().item<double>(),
                6 * kLargest * kLargest * kEps);
    for (int64_t i = 0; i < 6; ++i)
      EXPECT_LE(max_difference(p.hidden_ND.grad()[i], doubles(one.at("grad_logits")[static_cast<size_t>(i)])),
                4 * kLargest * kEps);
    EXPECT_TRUE(at::equal(got.weight_N, at::ones(6)));
  }
}

// The loss in double with q and h held still, as autograd sees it.
TEST(Gem, ValueAndGradientAgreeWithAutogradInDouble) {
  for (const double slope : {0.01, 0.0, 0.7}) {
    const Problem p = random_problem(17, 12, 101);
    const LossResult got = weighted_cross_entropy(p.input(), gem_options(0.7, slope));
    const auto grads = torch::autograd::grad({got.sum}, {p.hidden_ND, p.head_VD});

    const at::Tensor hidden = p.hidden_ND.detach().to(at::kDouble).requires_grad_();
    const at::Tensor head = p.head_VD.detach().to(at::kDouble).requires_grad_();
    const at::Tensor z = hidden.mm(head.t()), log_p = at::log_softmax(z, 1);
    const at::Tensor label = p.labels_N.unsqueeze(1);
    at::Tensor push = at::softmax(z.detach() / 0.7, 1);
    if (slope > 0) push = push * at::sigmoid(slope * (z - z.gather(1, label)).detach());
    const at::Tensor loss = -(push * (log_p.gather(1, label) - log_p)).sum(1);
    const at::Tensor sum = (p.coefficient_N.to(at::kDouble) * loss).sum();
    const auto wanted = torch::autograd::grad({sum}, {hidden, head});

    // as of a cross-entropy, but logits are divided by 0.7 and differences of two of them are weighed
    const double bound = 4 * gradient_error(p, at::ones({17}));
    const double largest = (z - z.gather(1, label)).abs().max().item<double>();
    EXPECT_NEAR(got.sum.item<double>(), sum.item<double>(), 17 * 1.5 * (2 + largest) * 4 * logit_error(p));
    EXPECT_LE(max_difference(grads[0], wanted[0]), bound);
    EXPECT_LE(max_difference(grads[1], wanted[1]), bound);
    EXPECT_GT(grads[0].abs().max().item<double>(), 100 * bound) << "or the test would say nothing";
    EXPECT_LE(max_difference(got.nll_N, -log_p.gather(1, label).squeeze(1)), 2 * logit_error(p) + 16 * kEps);
  }
}

TEST(Gem, TheWorkedRowAsPrinted) {
  const Problem p{.hidden_ND = at::tensor({2.0F, 1.0F, 0.0F, -1.0F}).view({1, 4}),
                  .head_VD = at::eye(4),
                  .labels_N = at::tensor({1}, at::kLong),
                  .coefficient_N = at::ones(1),
                  .end_of_turn_N = at::zeros(1, at::kBool)};
  EXPECT_NEAR(weighted_cross_entropy(p.input(), gem_options(0.7, 0.01)).sum.item<float>(), .3511, .5e-4);
  EXPECT_NEAR(weighted_cross_entropy(p.input(), gem_options(0.7, 0)).sum.item<float>(), .6981, .5e-4);
}

TEST(Gem, OfNoRowsIsNothing) {
  const Problem p = random_problem(0, 4, 9);
  EXPECT_EQ(weighted_cross_entropy(p.input(), gem_options(0.7, 0.01)).sum.item<double>(), 0);
}

}  // namespace
}  // namespace keel::test
