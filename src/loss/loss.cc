#include "loss/loss.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "loss/kernel.h"

namespace keel {
namespace {

// The loss and, where wanted, the gradients of its sum; they are made in the same pass because the logits of
// a chunk do not outlive it.
struct Computed {
  LossResult result;
  at::Tensor hidden_grad_ND;
  at::Tensor head_grad_VD;
};

struct Wanted {
  bool hidden = false, head = false;
  bool any() const { return hidden || head; }
};

// Σ over chunks of dlogitsᵀ · hidden, in fp32 for any compute dtype.
class HeadGradient {
 public:
  explicit HeadGradient(const at::Tensor& head_VD)
      : sum_VD_(at::empty(head_VD.sizes(), head_VD.options().dtype(at::kFloat))),
        exact_(head_VD.scalar_type() == at::kFloat) {
    if (!exact_) part_VD_ = at::empty_like(head_VD);
  }

  void add(const at::Tensor& dlogits_CV, const at::Tensor& hidden_CD) {
    const at::Tensor dlogits_VC = dlogits_CV.t();
    if (exact_) {
      first_ ? at::mm_out(sum_VD_, dlogits_VC, hidden_CD) : sum_VD_.addmm_(dlogits_VC, hidden_CD);
    } else {
      at::mm_out(part_VD_, dlogits_VC, hidden_CD);
      first_ ? sum_VD_.copy_(part_VD_) : sum_VD_.add_(part_VD_);
    }
    first_ = false;
  }

  at::Tensor take() {
    if (first_) sum_VD_.zero_();
    return exact_ ? std::move(sum_VD_) : part_VD_.copy_(sum_VD_);
  }

 private:
  at::Tensor sum_VD_, part_VD_;
  bool exact_ = true, first_ = true;
};

void check_input(const LossInput& in) {
  const int64_t N = in.hidden_ND.size(0);
  KEEL_CHECK(in.hidden_ND.dim() == 2 && in.head_VD.dim() == 2 && in.hidden_ND.size(1) == in.head_VD.size(1),
             "hidden is [N, D] and head is [V, D]");
  KEEL_CHECK(in.hidden_ND.scalar_type() == in.head_VD.scalar_type(), "hidden and head have one dtype");
  KEEL_CHECK(in.hidden_ND.device() == in.head_VD.device(), "hidden and head lie on one device");
  for (const at::Tensor& t : {in.labels_N, in.coefficient_N, in.end_of_turn_N}) {
    KEEL_CHECK(t.dim() == 1 && t.size(0) == N, "labels, coefficient and end_of_turn have a value a row");
    KEEL_CHECK(t.is_cpu(), "labels, coefficient and end_of_turn lie on the CPU");
  }
  KEEL_CHECK(in.labels_N.scalar_type() == at::kLong && in.coefficient_N.scalar_type() == at::kFloat &&
                 in.end_of_turn_N.scalar_type() == at::kBool,
             "labels are int64, coefficient float32, end_of_turn bool");
  if (N == 0) return;
  KEEL_CHECK(in.labels_N.min().item<int64_t>() >= 0 && in.labels_N.max().item<int64_t>() < in.head_VD.size(0),
             "labels are ids of the vocabulary");
}

// Everything by row, in tensors that own it.
struct Rows {
  explicit Rows(const LossInput& in)
      : labels(in.labels_N.contiguous()),
        coefficient(in.coefficient_N.contiguous()),
        end_of_turn(in.end_of_turn_N.contiguous()),
        nll(at::empty(labels.sizes(), at::kFloat)),
        entropy(at::empty_like(nll)),
        weight(at::empty_like(nll)),
        loss(static_cast<size_t>(labels.size(0))) {}

  RowPass from(int64_t row) {
    return {.labels = labels.data_ptr<int64_t>() + row,
            .coefficient = coefficient.data_ptr<float>() + row,
            .end_of_turn = end_of_turn.data_ptr<bool>() + row,
            .nll = nll.data_ptr<float>() + row,
            .entropy = entropy.data_ptr<float>() + row,
            .weight = weight.data_ptr<float>() + row,
            .loss = loss.data() + row};
  }

  at::Tensor labels, coefficient, end_of_turn, nll, entropy, weight;
  std::vector<double> loss;
};

Computed compute(const LossInput& in, const LossOptions& options, Wanted wanted) {
  const at::NoGradGuard no_grad;
  const Weighting& weighting = find_weighting(options.token_weighting);
  const int64_t N = in.hidden_ND.size(0), V = in.head_VD.size(0);
  const int64_t C = std::min(std::max<int64_t>(1, options.loss_chunk), N);
  Rows rows(in);
  Computed out;
  std::optional<HeadGradient> head_gradient;
  if (wanted.hidden) out.hidden_grad_ND = at::empty(in.hidden_ND.sizes(), in.hidden_ND.options());
  if (wanted.head) head_gradient.emplace(in.head_VD);

  const at::Tensor buffer_CV = at::empty({C, V}, in.hidden_ND.options());
  for (int64_t row = 0; row < N; row += C) {
    const int64_t count = std::min(C, N - row);
    const at::Tensor hidden_CD = in.hidden_ND.narrow(0, row, count);
    at::Tensor logits_CV = buffer_CV.narrow(0, 0, count);
    at::mm_out(logits_CV, hidden_CD, in.head_VD.t());
    RowPass pass = rows.from(row);
    pass.weighting = &weighting;
    pass.options = &options;
    pass.gradient = wanted.any();
    row_pass(logits_CV, pass);
    if (wanted.hidden) {
      at::Tensor part_CD = out.hidden_grad_ND.narrow(0, row, count);
      at::mm_out(part_CD, logits_CV, in.head_VD);
    }
    if (wanted.head) head_gradient->add(logits_CV, hidden_CD);
  }
  if (wanted.head) out.head_grad_VD = head_gradient->take();
  const double sum = std::accumulate(rows.loss.begin(), rows.loss.end(), 0.0);
  out.result = {.sum = at::scalar_tensor(sum, at::kFloat),
                .nll_N = rows.nll,
                .entropy_N = rows.entropy,
                .weight_N = rows.weight};
  return out;
}

// Joins the sum to the graph with the gradients that were computed beside it. They are scaled in place, so
// one backward is all there is.
struct JoinGradients : torch::autograd::Function<JoinGradients> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& /*hidden_ND*/,
                            const at::Tensor& /*head_VD*/, Computed* computed) {
    ctx->saved_data["hidden"] = std::move(computed->hidden_grad_ND);
    ctx->saved_data["head"] = std::move(computed->head_grad_VD);
    return computed->result.sum;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    KEEL_CHECK(!ctx->saved_data.empty(), "a loss can be differentiated once");
    at::Tensor hidden = ctx->saved_data["hidden"].toTensor();
    at::Tensor head = ctx->saved_data["head"].toTensor();
    ctx->saved_data.clear();
    if (grads[0].item<float>() != 1.0f) {
      for (at::Tensor& gradient : {std::ref(hidden), std::ref(head)}) {
        if (gradient.defined()) gradient.mul_(grads[0]);
      }
    }
    return {hidden, head, at::Tensor()};
  }
};

}  // namespace

LossResult weighted_cross_entropy(const LossInput& input, const LossOptions& options) {
  check_input(input);
  const bool recording = at::GradMode::is_enabled();
  const Wanted wanted{.hidden = recording && input.hidden_ND.requires_grad(),
                      .head = recording && input.head_VD.requires_grad()};
  Computed computed = compute(input, options, wanted);
  if (wanted.any()) {
    computed.result.sum = JoinGradients::apply(input.hidden_ND, input.head_VD, &computed);
  }
  return computed.result;
}

}  // namespace keel
