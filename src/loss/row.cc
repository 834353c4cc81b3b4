#include "loss/row.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace keel {
namespace {

constexpr int64_t kBlock = 1024;  // floats summed before they go to double

// e^d for d <= 0: d = n·ln2 + r with |r| <= ln2/2, then e^r from its Taylor series (remainder r^8/8! < 6e-9)
// and 2^n put together from bits. Below -87 the result is 0, so no denormal number slows the loops.
KEEL_INLINE float exp_nonpositive(float d) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // few bits, so that n·kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5·2^23: adding it leaves the nearest integer in the low bits
  const float x = d < -87.0f ? -87.0f : d;
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float y = 1.0f / 5040;
  y = y * r + 1.0f / 720;
  y = y * r + 1.0f / 120;
  y = y * r + 1.0f / 24;
  y = y * r + 1.0f / 6;
  y = y * r + 0.5f;
  y = y * r + 1.0f;
  y = y * r + 1.0f;
  const float power = std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u);
  return d < -87.0f ? 0.0f : y * power;
}

template <class T>
KEEL_INLINE RowSums sum_row_of(const T* logits_V, float* exp_V, int64_t V) {
  float max = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : max)
  for (int64_t v = 0; v < V; ++v) max = to_float(logits_V[v]) > max ? to_float(logits_V[v]) : max;

  RowSums sums{.max = max};
  for (int64_t begin = 0; begin < V; begin += kBlock) {
    const int64_t end = std::min(V, begin + kBlock);
    float e_sum = 0, ed_sum = 0, e2_sum = 0;
#pragma omp simd reduction(+ : e_sum, ed_sum, e2_sum)
    for (int64_t v = begin; v < end; ++v) {
      const float d = to_float(logits_V[v]) - max;
      const float e = exp_nonpositive(d);
      exp_V[v] = e;
      e_sum += e;
      ed_sum += e * (d < -87.0f ? 0.0f : d);  // 0 · -inf would be NaN
      e2_sum += e * e;
    }
    sums.e += e_sum;
    sums.ed += ed_sum;
    sums.e2 += e2_sum;
  }
  return sums;
}

KEEL_INLINE float largest(const float* values, int64_t count) {
  float max = 0;
#pragma omp simd reduction(max : max)
  for (int64_t i = 0; i < count; ++i) max = values[i] > max ? values[i] : max;
  return max;
}

// The `count` largest entries in descending order. Most blocks hold nothing that is large enough and are
// passed over.
KEEL_INLINE void select_top(const float* exp_V, int64_t V, int64_t count, float* top) {
  constexpr int64_t kStride = 64;
  std::fill(top, top + count, 0.0f);
  for (int64_t begin = 0; begin < V; begin += kStride) {
    const int64_t size = std::min(kStride, V - begin);
    if (largest(exp_V + begin, size) <= top[count - 1]) continue;
    for (int64_t v = begin; v < begin + size; ++v) {
      const float e = exp_V[v];
      if (e <= top[count - 1]) continue;
      int64_t place = count - 1;
      for (; place > 0 && top[place - 1] < e; --place) top[place] = top[place - 1];
      top[place] = e;
    }
  }
}

template <class T>
KEEL_INLINE void scale_row_of(const float* exp_V, T* out_V, int64_t V, float scale) {
#pragma omp simd
  for (int64_t v = 0; v < V; ++v) store(out_V[v], exp_V[v] * scale);
}

}  // namespace

KEEL_CLONES double top_entropy(const float* exp_V, int64_t V, int64_t count) {
  float top[kTopEntropy];
  select_top(exp_V, V, count, top);
  double sum = 0, weighted = 0;
  for (int64_t i = 0; i < count && top[i] > 0; ++i) {
    sum += top[i];
    weighted += top[i] * std::log(static_cast<double>(top[i]));
  }
  return std::log(sum) - weighted / sum;
}

KEEL_CLONES RowSums sum_row(const float* logits_V, float* exp_V, int64_t V) {
  return sum_row_of(logits_V, exp_V, V);
}

KEEL_CLONES RowSums sum_row(const Bf16* logits_V, float* exp_V, int64_t V) {
  return sum_row_of(logits_V, exp_V, V);
}

KEEL_CLONES void scale_row(const float* exp_V, float* out_V, int64_t V, float scale) {
  scale_row_of(exp_V, out_V, V, scale);
}

KEEL_CLONES void scale_row(const float* exp_V, Bf16* out_V, int64_t V, float scale) {
  scale_row_of(exp_V, out_V, V, scale);
}

}  // namespace keel
