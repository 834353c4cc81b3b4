#include "loss/head_pass.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "gemm/gemm.h"
#include "gemm/leaf_gradient.h"

namespace keel {
namespace {

// Σ over chunks of dlogitsᵀ · hidden, in fp32 for any compute dtype.
class HeadGradient {
 public:
  explicit HeadGradient(const at::Tensor& head_VD)
      : sum_VD_(at::empty(head_VD.sizes(), head_VD.options().dtype(at::kFloat))) {}

  void add(const at::Tensor& dlogits_CV, const at::Tensor& hidden_CD) {
    first_ ? gemm_into(sum_VD_, dlogits_CV.t(), hidden_CD) : gemm_onto(sum_VD_, dlogits_CV.t(), hidden_CD);
    first_ = false;
  }

  at::Tensor take() {
    if (first_) sum_VD_.zero_();
    return std::move(sum_VD_);
  }

 private:
  at::Tensor sum_VD_;
  bool first_ = true;
};

// They are scaled in place, so one backward is all there is.
struct JoinGradients : torch::autograd::Function<JoinGradients> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& /*hidden_ND*/,
                            const at::Tensor& head_VD, double loss, HeadGradients* gradients) {
    ctx->save_for_backward({head_VD});
    ctx->saved_data["hidden"] = std::move(gradients->hidden_ND);
    ctx->saved_data["head"] = std::move(gradients->head_VD);
    return at::scalar_tensor(loss, at::kFloat);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    KEEL_CHECK(!ctx->saved_data.empty(), "a loss can be differentiated once");
    at::Tensor hidden = ctx->saved_data["hidden"].toTensor();
    at::Tensor head = ctx->saved_data["head"].toTensor();
    ctx->saved_data.clear();
    if (hidden.defined() && grads[0].item<float>() != 1.0f) hidden.mul_(grads[0]);
    if (head.defined()) head = scaled_gradient(ctx->get_saved_variables()[0], head, grads[0]);
    return {hidden, head, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

HeadGradients over_head(const at::Tensor& hidden_ND, const at::Tensor& head_VD, int64_t chunk_rows,
                        const LogitsPass& pass) {
  RECORD_USER_SCOPE("keel::head");
  KEEL_CHECK(hidden_ND.dim() == 2 && head_VD.dim() == 2 && hidden_ND.size(1) == head_VD.size(1),
             "hidden is [N, D] and head is [V, D]");
  KEEL_CHECK(hidden_ND.scalar_type() == head_VD.scalar_type(), "hidden and head have one dtype");
  KEEL_CHECK(hidden_ND.device() == head_VD.device(), "hidden and head lie on one device");
  const bool recording = at::GradMode::is_enabled();
  const bool wants_hidden = recording && hidden_ND.requires_grad();
  const bool wants_head = recording && head_VD.requires_grad();
  const at::NoGradGuard no_grad;
  const int64_t N = hidden_ND.size(0), V = head_VD.size(0);
  const int64_t C = std::min(std::max<int64_t>(1, chunk_rows), N);
  HeadGradients out;
  std::optional<HeadGradient> head_gradient;
  if (wants_hidden) out.hidden_ND = at::empty(hidden_ND.sizes(), hidden_ND.options());
  if (wants_head) head_gradient.emplace(head_VD);

  const at::Tensor buffer_CV = at::empty({C, V}, hidden_ND.options());
  for (int64_t row = 0; row < N; row += C) {
    const int64_t count = std::min(C, N - row);
    const at::Tensor hidden_CD = hidden_ND.narrow(0, row, count);
    const at::Tensor logits_CV = buffer_CV.narrow(0, 0, count);
    gemm_into(logits_CV, hidden_CD, head_VD.t());
    pass(logits_CV, row, wants_hidden || wants_head);
    if (wants_hidden) {
      gemm_into(out.hidden_ND.narrow(0, row, count), logits_CV, head_VD);
    }
    if (wants_head) head_gradient->add(logits_CV, hidden_CD);
  }
  if (wants_head) out.head_VD = head_gradient->take();
  return out;
}

at::Tensor joined_loss(double loss, const at::Tensor& hidden_ND, const at::Tensor& head_VD,
                       HeadGradients gradients) {
  if (!gradients.hidden_ND.defined() && !gradients.head_VD.defined())
    return at::scalar_tensor(loss, at::kFloat);
  return JoinGradients::apply(hidden_ND, head_VD, loss, &gradients);
}

}  // namespace keel
