#include "optim/dither.h"

#include <ATen/Parallel.h>

#include "optim/sweep.h"

namespace keel {

at::Tensor dithered(const at::Tensor& values) {
  if (!values.is_cpu()) return dithered_composed(values);
  constexpr int64_t kGrain = 32768;
  const at::Tensor out = at::empty(values.sizes(), values.options().dtype(at::kBFloat16));
  const float* const from = values.const_data_ptr<float>();
  auto* const to = static_cast<Bf16*>(out.data_ptr());
  at::parallel_for(0, values.numel(), kGrain,
                   [&](int64_t begin, int64_t end) { dither(from + begin, to + begin, begin, end - begin); });
  return out;
}

at::Tensor dithered_composed(const at::Tensor& values) {
  constexpr int64_t kWord = 0xffffffff;
  const int64_t n = values.numel(), whole = n / kThresholds * kThresholds;
  const at::Tensor flat = values.reshape({n});
  at::Tensor x = at::arange(std::min(n, kThresholds), flat.options().dtype(at::kLong)).mul_(kThresholdMix[0]);
  x.bitwise_and_(kWord);
  x.bitwise_xor_(x.bitwise_right_shift(13)).mul_(kThresholdMix[1]).bitwise_and_(kWord);
  const at::Tensor thresholds = x.bitwise_right_shift(16).to(at::kInt);
  const auto rounded = [](const at::Tensor& part, const at::Tensor& threshold) {
    const at::Tensor add = threshold * part.isfinite();
    return part.view(at::kInt).add(add).bitwise_right_shift(16).to(at::kShort).view(at::kBFloat16);
  };
  std::vector<at::Tensor> parts;
  if (whole > 0)
    parts.push_back(rounded(flat.narrow(0, 0, whole).view({-1, kThresholds}), thresholds).flatten());
  if (whole < n)
    parts.push_back(rounded(flat.narrow(0, whole, n - whole), thresholds.narrow(0, 0, n - whole)));
  return parts.empty() ? values.to(at::kBFloat16) : at::cat(parts).view(values.sizes());
}

}  // namespace keel
