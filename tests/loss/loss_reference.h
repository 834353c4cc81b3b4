// The loss again, in double and without the kernel: a closed form for values, ATen's autograd for gradients.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>
#include <string>

#include "loss/loss.h"

namespace keel::test {

constexpr double kEps = std::numeric_limits<float>::epsilon();

struct Problem {
  at::Tensor hidden_ND, head_VD, labels_N, coefficient_N, end_of_turn_N;
  at::Tensor reference_nll_N = {};

  LossInput input() const {
    return {hidden_ND, head_VD, labels_N, coefficient_N, end_of_turn_N, reference_nll_N};
  }
};

// Random rows whose logits spread over several nats; every fifth row ends a turn.
inline Problem random_problem(int64_t N, int64_t D, int64_t V, uint64_t seed = 5) {
  auto generator = at::detail::createCPUGenerator(seed);
  Problem p;
  p.hidden_ND = at::randn({N, D}, generator, at::kFloat).requires_grad_();
  p.head_VD = at::randn({V, D}, generator, at::kFloat).requires_grad_();
  p.labels_N = at::randint(V, {N}, generator, at::kLong);
  p.coefficient_N = at::rand({N}, generator, at::kFloat) + 0.5;
  p.end_of_turn_N = at::arange(N).remainder(5).eq(4);
  p.reference_nll_N = at::rand({N}, generator, at::kFloat) * 6;
  return p;
}

struct Reference {
  double sum = 0;
  at::Tensor nll_N, entropy_N, probability_NV, hidden_grad_ND, head_grad_VD;
};

// weight_N is taken as given: a weighting carries no gradient.
inline Reference reference(const Problem& p, const at::Tensor& weight_N) {
  const at::Tensor hidden = p.hidden_ND.detach().to(at::kDouble).requires_grad_();
  const at::Tensor head = p.head_VD.detach().to(at::kDouble).requires_grad_();
  const at::Tensor log_p = at::log_softmax(hidden.mm(head.t()), 1);
  const at::Tensor nll = -log_p.gather(1, p.labels_N.unsqueeze(1)).squeeze(1);
  const at::Tensor sum = (p.coefficient_N.to(at::kDouble) * weight_N.to(at::kDouble) * nll).sum();
  const auto grads = torch::autograd::grad({sum}, {hidden, head});
  return {.sum = sum.item<double>(),
          .nll_N = nll.detach(),
          .entropy_N = -(log_p.exp() * log_p).sum(1).detach(),
          .probability_NV = log_p.exp().detach(),
          .hidden_grad_ND = grads[0],
          .head_grad_VD = grads[1]};
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == 0
             ? 0
             : (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
}

// What fp32 may do to the logits: each is a sum of D products.
inline double logit_error(const Problem& p) {
  const at::Tensor sizes = p.hidden_ND.detach().abs().mm(p.head_VD.detach().abs().t());
  return static_cast<double>(p.hidden_ND.size(1)) * kEps * sizes.max().item<double>();
}

// What it may then do to an entry of a gradient: the error of p on each of the summed terms, and the sums.
inline double gradient_error(const Problem& p, const at::Tensor& weight_N) {
  const double share = (p.coefficient_N * weight_N).abs().sum().item<double>();
  const double largest =
      at::max(p.hidden_ND.detach().abs().max(), p.head_VD.detach().abs().max()).item<double>();
  return (4 * logit_error(p) + 32 * kEps) * share * largest;
}

}  // namespace keel::test
