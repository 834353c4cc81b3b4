#include "loss/kernel.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "loss/gpu_rows.h"
#include "loss/row.h"
#include "loss/row_report.h"

namespace keel {
namespace {

constexpr int64_t kLogitsPerTask = 32768;  // smaller pieces cost more to hand out than to compute

LabelStatistics statistics(const RowSums& sums, float label_logit) {
  const double log_e = std::log(sums.e);
  return {.nll = log_e - (static_cast<double>(label_logit) - sums.max),
          .entropy = log_e - sums.ed / sums.e,
          .sum_p2 = sums.e2 / (sums.e * sums.e)};
}

// exp_V: room for V floats; the row itself when it is float.
template <class T>
void one_row(T* row_V, float* exp_V, int64_t V, int64_t i, const RowPass& pass) {
  T& at_label = row_V[pass.labels[i]];
  const float label_logit = to_float(at_label);
  const RowSums sums = sum_row(row_V, exp_V, V);
  LabelStatistics s = statistics(sums, label_logit);
  if (pass.weighting->needs_top_entropy) s.top_entropy = top_entropy(exp_V, V, std::min(V, kTopEntropy));
  const double share = report_row(i, s, pass);
  if (!pass.gradient) return;
  scale_row(exp_V, row_V, V, static_cast<float>(share / sums.e));
  store(at_label, gradient_at_label(share, s.nll));
}

template <class T>
void all_rows(T* logits_CV, int64_t C, int64_t V, const RowPass& pass) {
  const int64_t grain = std::max<int64_t>(1, kLogitsPerTask / V);
  at::parallel_for(0, C, grain, [&](int64_t begin, int64_t end) {
    constexpr bool kInPlace = std::is_same_v<T, float>;
    std::vector<float> scratch_V(kInPlace ? 0 : static_cast<size_t>(V));
    for (int64_t i = begin; i < end; ++i) {
      T* row_V = logits_CV + i * V;
      if constexpr (kInPlace) {
        one_row(row_V, row_V, V, i, pass);
      } else {
        one_row(row_V, scratch_V.data(), V, i, pass);
      }
    }
  });
}

}  // namespace

void row_pass(const at::Tensor& logits_CV, const RowPass& pass) {
  if (!logits_CV.is_cpu()) return row_pass_on_device(logits_CV, pass);
  KEEL_CHECK(logits_CV.is_contiguous() && logits_CV.dim() == 2,
             "the row pass takes contiguous logits of shape [C, V]");
  const int64_t C = logits_CV.size(0), V = logits_CV.size(1);
  switch (logits_CV.scalar_type()) {
    case at::kFloat:
      return all_rows(logits_CV.data_ptr<float>(), C, V, pass);
    case at::kBFloat16:
      return all_rows(static_cast<Bf16*>(logits_CV.data_ptr()), C, V, pass);
    default:
      KEEL_CHECK(false, "the row pass takes float32 or bfloat16 logits");
  }
}

}  // namespace keel
