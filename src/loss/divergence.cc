#include "loss/divergence.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "loss/head_pass.h"
#include "loss/row.h"

namespace keel {
namespace {

// The float sums of a row cannot tell a smaller share of it from none.
constexpr double kLeastShare = 1e-7;

struct TargetRow {
  std::span<const int32_t> ids;
  std::span<const float> log_p;
};

struct TargetRows {
  const int32_t* ids;
  const float* log_p;
  int64_t K;
  TargetRow row(int64_t i) const {
    const auto k = static_cast<size_t>(K);
    return {{ids + i * K, k}, {log_p + i * K, k}};
  }
};

// What the bucket of all other tokens is, as a share of 1.
double rest_of(const TargetRow& target) {
  double kept = 0;
  for (const float log_p : target.log_p) kept += std::exp(static_cast<double>(log_p));
  return 1 - kept < kLeastShare ? 0 : 1 - kept;
}

// With r the bucket's share, ln p of the kept tokens and of the bucket come from the row's sums. The gradient
// is p − p₀ at the kept tokens; elsewhere p − r·(p's share of the bucket). exp_V: room for V floats; the row
// itself when it is float. Returns the divergence.
template <class T>
double divergence_of_row(T* row_V, float* exp_V, int64_t V, const TargetRow& target, bool gradient) {
  const size_t K = target.ids.size();
  std::vector<float> logits_K(K);
  for (size_t k = 0; k < K; ++k) logits_K[k] = to_float(row_V[target.ids[k]]);
  const RowSums sums = sum_row(row_V, exp_V, V);
  const double log_e = std::log(sums.e), rest = rest_of(target);
  double kl = 0, kept_e = 0;
  std::vector<float> exp_K(K);
  for (size_t k = 0; k < K; ++k) {
    exp_K[k] = exp_V[target.ids[k]];
    kept_e += exp_K[k];
    const double log_p0 = target.log_p[k], log_p = static_cast<double>(logits_K[k]) - sums.max - log_e;
    kl += std::exp(log_p0) * (log_p0 - log_p);
  }
  const double rest_now = std::max(1 - kept_e / sums.e, kLeastShare);
  if (rest > 0) kl += rest * std::log(rest / rest_now);
  if (!gradient) return kl;
  scale_row(exp_V, row_V, V, static_cast<float>((1 - rest / rest_now) / sums.e));
  for (size_t k = 0; k < K; ++k)
    store(row_V[target.ids[k]],
          static_cast<float>(exp_K[k] / sums.e - std::exp(static_cast<double>(target.log_p[k]))));
  return kl;
}

template <class T>
void divergence_of_rows(T* logits_CV, int64_t C, int64_t V, const TargetRows& targets, float* kl,
                        bool gradient) {
  at::parallel_for(0, C, 1, [&](int64_t begin, int64_t end) {
    constexpr bool kInPlace = std::is_same_v<T, float>;
    std::vector<float> scratch_V(kInPlace ? 0 : static_cast<size_t>(V));
    for (int64_t i = begin; i < end; ++i) {
      T* row_V = logits_CV + i * V;
      float* exp_V = nullptr;
      if constexpr (kInPlace)
        exp_V = row_V;
      else
        exp_V = scratch_V.data();
      kl[i] = static_cast<float>(divergence_of_row(row_V, exp_V, V, targets.row(i), gradient));
    }
  });
}

// The same by ATen's operators, for other devices.
at::Tensor divergence_composed(const at::Tensor& logits_CV, const at::Tensor& ids_CK,
                               const at::Tensor& log_p0_CK, bool gradient) {
  const at::Tensor log_p_CV = at::log_softmax(logits_CV, 1, at::kFloat);
  const at::Tensor log_p_CK = log_p_CV.gather(1, ids_CK), p0_CK = log_p0_CK.exp();
  at::Tensor rest_C1 = (1 - p0_CK.sum(1, true, at::kDouble)).to(at::kFloat);
  rest_C1 = at::where(rest_C1 < kLeastShare, at::zeros_like(rest_C1), rest_C1);
  const at::Tensor rest_now_C1 =
      (1 - log_p_CK.exp().sum(1, true, at::kDouble)).to(at::kFloat).clamp_min(kLeastShare);
  const at::Tensor kl_C =
      (p0_CK * (log_p0_CK - log_p_CK)).sum(1) + at::xlogy(rest_C1, rest_C1 / rest_now_C1).squeeze(1);
  if (gradient) {
    const at::Tensor p_CV = log_p_CV.exp();
    logits_CV.copy_((p_CV * (1 - rest_C1 / rest_now_C1)).scatter(1, ids_CK, log_p_CK.exp() - p0_CK));
  }
  return kl_C;
}

void divergence_pass(const at::Tensor& logits_CV, const TopLogProbs& target, int64_t row,
                     const at::Tensor& kl_N, bool gradient) {
  const int64_t C = logits_CV.size(0), V = logits_CV.size(1), K = target.ids_NK.size(1);
  if (!logits_CV.is_cpu()) {
    const auto part = [&](const at::Tensor& t, at::ScalarType type) {
      return t.narrow(0, row, C).to(logits_CV.device(), type);
    };
    kl_N.narrow(0, row, C).copy_(divergence_composed(logits_CV, part(target.ids_NK, at::kLong),
                                                     part(target.log_p_NK, at::kFloat), gradient));
    return;
  }
  const TargetRows rows{target.ids_NK.const_data_ptr<int32_t>() + row * K,
                        target.log_p_NK.const_data_ptr<float>() + row * K, K};
  float* kl = kl_N.mutable_data_ptr<float>() + row;
  if (logits_CV.scalar_type() == at::kFloat)
    return divergence_of_rows(logits_CV.data_ptr<float>(), C, V, rows, kl, gradient);
  KEEL_CHECK(logits_CV.scalar_type() == at::kBFloat16, "a divergence takes float32 or bfloat16 logits");
  divergence_of_rows(static_cast<Bf16*>(logits_CV.data_ptr()), C, V, rows, kl, gradient);
}

}  // namespace

TopLogProbs top_log_probs(const at::Tensor& hidden_ND, const at::Tensor& head_VD, int64_t k,
                          int64_t loss_chunk) {
  const at::NoGradGuard no_grad;
  const int64_t N = hidden_ND.size(0), K = std::min(k, head_VD.size(0));
  TopLogProbs out{.ids_NK = at::empty({N, K}, at::kInt), .log_p_NK = at::empty({N, K}, at::kFloat)};
  over_head(hidden_ND, head_VD, loss_chunk, [&](const at::Tensor& logits_CV, int64_t row, bool) {
    const auto [log_p_CK, ids_CK] = at::topk(at::log_softmax(logits_CV, 1, at::kFloat), K, 1);
    out.ids_NK.narrow(0, row, logits_CV.size(0)).copy_(ids_CK);
    out.log_p_NK.narrow(0, row, logits_CV.size(0)).copy_(log_p_CK);
  });
  return out;
}

Divergence divergence_from(const TopLogProbs& target, const at::Tensor& hidden_ND, const at::Tensor& head_VD,
                           int64_t loss_chunk) {
  const int64_t N = hidden_ND.size(0);
  const TopLogProbs t{.ids_NK = target.ids_NK.contiguous(), .log_p_NK = target.log_p_NK.contiguous()};
  KEEL_CHECK(t.ids_NK.dim() == 2 && t.ids_NK.size(0) == N && t.ids_NK.sizes() == t.log_p_NK.sizes(),
             "a target has K ids and K log-probabilities a row");
  KEEL_CHECK(t.ids_NK.scalar_type() == at::kInt && t.log_p_NK.scalar_type() == at::kFloat,
             "int32 ids, float32");
  KEEL_CHECK(
      N == 0 || (t.ids_NK.min().item<int32_t>() >= 0 && t.ids_NK.max().item<int32_t>() < head_VD.size(0)),
      "ids are of the vocabulary");
  Divergence out{.sum = {}, .kl_N = at::empty({N}, at::kFloat)};
  HeadGradients gradients =
      over_head(hidden_ND, head_VD, loss_chunk, [&](const at::Tensor& logits_CV, int64_t row, bool gradient) {
        divergence_pass(logits_CV, t, row, out.kl_N, gradient);
      });
  out.sum = joined_loss(out.kl_N.sum(at::kDouble).item<double>(), hidden_ND, head_VD, std::move(gradients));
  return out;
}

}  // namespace keel
