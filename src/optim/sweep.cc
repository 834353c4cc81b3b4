#include "optim/sweep.h"

#include <bit>
#include <cmath>

namespace keel {
namespace {

KEEL_INLINE uint32_t threshold(int64_t place) {
  const uint32_t x =
      static_cast<uint32_t>(place & (kThresholds - 1)) * static_cast<uint32_t>(kThresholdMix[0]);
  return (x ^ (x >> 13)) * static_cast<uint32_t>(kThresholdMix[1]) >> 16;
}

// Up where the bits that are cut off and the threshold carry. Infinity and NaN have no bits to spare.
KEEL_INLINE Bf16 dithered_at(float value, int64_t place) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const bool finite = (bits & 0x7f800000U) != 0x7f800000U;
  return {static_cast<uint16_t>((bits + (finite ? threshold(place) : 0U)) >> 16)};
}

struct NoCopy {
  KEEL_INLINE void put(int64_t, float) const {}
};

struct CopyTo {
  Bf16* out;
  int64_t first;
  KEEL_INLINE void put(int64_t i, float value) const { out[i] = dithered_at(value, first + i); }
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

KEEL_CLONES void sweep(const SweepData& data, Bf16* copy, int64_t first, int64_t n, const SweepStep& step) {
  sweep_with(data, CopyTo{copy, first}, n, step);
}

KEEL_CLONES void dither(const float* values, Bf16* out, int64_t first, int64_t n) {
  const CopyTo copy{out, first};
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) copy.put(i, values[i]);
}

KEEL_CLONES double sum_of_squares(const float* values, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

}  // namespace keel
