#include "model/precision.h"

#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "gemm/gemm.h"

namespace keel {
namespace {

// The best of `repeats` products [rows, n] · [n, n], in seconds; the first call also sets the library up.
double product_seconds(at::ScalarType dtype, int64_t rows, int64_t n, int repeats) {
  const at::Tensor a = at::ones({rows, n}, dtype), b = at::ones({n, n}, dtype),
                   out = at::empty({rows, n}, dtype);
  gemm_into(out, a, b);
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const Stopwatch watch;
    gemm_into(out, a, b);
    best = std::min(best, watch.seconds());
  }
  return best;
}

}  // namespace

std::string precision_name(at::ScalarType compute) { return compute == at::kBFloat16 ? "bf16" : "fp32"; }

PrecisionChoice choose_compute_dtype(const std::string& precision, at::Device device) {
  if (precision == "fp32") return {at::kFloat, "fp32: as asked"};
  if (precision == "bf16") return {at::kBFloat16, "bf16: as asked"};
  KEEL_CHECK(precision == "auto", "precision is auto, fp32 or bf16");
  if (!device.is_cpu()) return {at::kBFloat16, "bf16: the model runs on a GPU"};
  const at::NoGradGuard no_grad;
  // A processor without bf16 instructions may be hundreds of times slower: ask in small first.
  double ratio = product_seconds(at::kBFloat16, 32, 256, 5) / product_seconds(at::kFloat, 32, 256, 5);
  if (ratio < 4)
    ratio = product_seconds(at::kBFloat16, 256, 1024, 5) / product_seconds(at::kFloat, 256, 1024, 5);
  if (ratio < 0.9) {
    return {at::kBFloat16, fmt::format("bf16: a product takes {:.2f} of its time in fp32 here", ratio)};
  }
  return {at::kFloat, fmt::format("fp32: a bf16 product takes {:.1f} times as long here", ratio)};
}

}  // namespace keel
