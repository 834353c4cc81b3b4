#include "model/product.h"

#include <algorithm>

#include "gemm/gemm.h"
#include "model/dispatch.h"
#include "model/few_rows.h"

namespace keel {
namespace {

// Weights that are worth a thread.
constexpr int64_t kShare = 1 << 16;

// In each stretch of 2 · lanes numbers those of even place, then the odd ones.
at::Tensor paired(const at::Tensor& x_TI) {
  return x_TI.view({x_TI.size(0), -1, few_rows_lanes(), 2}).transpose(2, 3).contiguous();
}

// Who computes in bfloat16 has units for its products: they are ahead where a weight is used more often.
constexpr int64_t kFewRowsBf16 = 4;

bool fits(const at::Tensor& x, const at::Tensor& weight) {
  const int64_t multiple = few_rows_lanes() * (weight.scalar_type() == at::kBFloat16 ? 2 : 1);
  const int64_t most = x.scalar_type() == at::kBFloat16 ? kFewRowsBf16 : kFewRows;
  return x.is_cpu() && x.size(0) <= most && weight.size(1) % multiple == 0 && weight.is_contiguous();
}

at::Tensor by_few_rows(const at::Tensor& x_TI, const at::Tensor& weight_OI, const at::Tensor& sum) {
  const int64_t rows = x_TI.size(0), inputs = weight_OI.size(1), outputs = weight_OI.size(0);
  const at::Tensor x = x_TI.to(at::kFloat).contiguous(), y = at::empty({rows, outputs}, x.options());
  with_row_type(weight_OI, [&](auto kind) {
    using T = decltype(kind);
    const at::Tensor in = weight_OI.scalar_type() == at::kFloat ? x : paired(x);
    const FewRows<T> all{rows_of<float>(in), rows_of<T>(weight_OI), rows_of<float>(y), rows, inputs, outputs};
    at::parallel_for(0, outputs, std::max<int64_t>(1, kShare / inputs),
                     [&](int64_t begin, int64_t end) { few_rows(all, begin, end); });
  });
  if (sum.defined()) y.add_(sum);
  return y.to(x_TI.scalar_type());
}

}  // namespace

at::Tensor product(const at::Tensor& x, const Weight& weight, const at::Tensor& sum) {
  if (weight.stored_OI.defined() && fits(x, weight.stored_OI)) return by_few_rows(x, weight.stored_OI, sum);
  if (fits(x, weight.weight_OI)) return by_few_rows(x, weight.weight_OI, sum);
  return sum.defined() ? gemm_plus(sum, x, weight.weight_OI.t()) : gemm(x, weight.weight_OI.t());
}

}  // namespace keel
