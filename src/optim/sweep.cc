#include "optim/sweep.h"

#include <cmath>

namespace keel {
namespace {

struct NoCopy {
  KEEL_INLINE void put(int64_t, float) const {}
};

struct CopyTo {
  Bf16* out;
  KEEL_INLINE void put(int64_t i, float value) const { store(out[i], value); }
};

template <class Copy>
KEEL_INLINE void sweep_with(const SweepData& data, const Copy copy, int64_t n, const SweepStep& step) {
  const SweepStep s = step;  // a copy: what the loop writes cannot change it
  float* const parameter = data.parameter;
  const float* const gradient = data.gradient;
  float* const first = data.first;
  float* const second = data.second;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * s.gradient_scale;
    const float m = first[i] + (g - first[i]) * s.one_minus_beta1;
    const float v = second[i] * s.beta2 + g * g * s.one_minus_beta2;
    const float p = parameter[i] * s.keep - s.step_size * m / (std::sqrt(v) * s.root_scale + s.epsilon);
    first[i] = m;
    second[i] = v;
    parameter[i] = p;
    copy.put(i, p);
  }
}

}  // namespace

KEEL_CLONES void sweep(const SweepData& data, int64_t n, const SweepStep& step) {
  sweep_with(data, NoCopy{}, n, step);
}

KEEL_CLONES void sweep(const SweepData& data, Bf16* copy, int64_t n, const SweepStep& step) {
  sweep_with(data, CopyTo{copy}, n, step);
}

KEEL_CLONES double sum_of_squares(const float* values, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

}  // namespace keel
