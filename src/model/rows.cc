#include "model/rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace keel::rows {
namespace {

// e^x, relative error below 2 ulp, without branches so that loops over it vectorise (Cephes' polynomial
// after removing whole powers of two). Below -87.3 it gives e^-87.3, about 1e-38.
KEEL_INLINE float exp_near(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.0f ? 88.0f : x;
  const float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = p * r * r + r + 1.0f;
  // A NaN would make the conversion undefined; it gets there through y.
  const float whole = n == n ? n : 0.0f;
  return y * std::bit_cast<float>((static_cast<int32_t>(whole) + 127) << 23);
}

KEEL_INLINE float sigmoid(float x) { return 1.0f / (1.0f + exp_near(-x)); }

template <class T>
KEEL_INLINE void rms_norm_impl(const T* x, const T* w, T* y, float* rstd, NormShape s) {
  for (int64_t row = 0; row < s.rows; ++row, x += s.width, y += s.width) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < s.width; ++i) sum += to_float(x[i]) * to_float(x[i]);
    const float r = 1.0f / std::sqrt(sum / static_cast<float>(s.width) + s.eps);
    rstd[row] = r;
#pragma omp simd
    for (int64_t i = 0; i < s.width; ++i) store(y[i], to_float(x[i]) * r * to_float(w[i]));
  }
}

// With n = x·rstd and g = dy·w: dx = rstd · (g - n · mean(g·n)), dw = Σ dy·n.
template <class T>
KEEL_INLINE void rms_norm_backward_impl(const NormBackward<T>& a, NormShape s) {
  const T *dy = a.dy, *x = a.x, *w = a.w;
  T* dx = a.dx;
  float* dw = a.dw;
  for (int64_t row = 0; row < s.rows; ++row, dy += s.width, x += s.width, dx += s.width) {
    const float r = a.rstd[row];
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < s.width; ++i) dot += to_float(dy[i]) * to_float(w[i]) * to_float(x[i]);
    const float mean = dot * r * r / static_cast<float>(s.width);
#pragma omp simd
    for (int64_t i = 0; i < s.width; ++i)
      store(dx[i], r * (to_float(dy[i]) * to_float(w[i]) - to_float(x[i]) * mean));
    if (dw == nullptr) continue;
#pragma omp simd
    for (int64_t i = 0; i < s.width; ++i) dw[i] += to_float(dy[i]) * to_float(x[i]) * r;
  }
}

template <class T>
KEEL_INLINE void swiglu_impl(const T* gate, const T* up, T* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    store(y[i], to_float(gate[i]) * sigmoid(to_float(gate[i])) * to_float(up[i]));
}

template <class T>
KEEL_INLINE void swiglu_backward_impl(const SwigluBackward<T>& a, int64_t n) {
  const T *dy = a.dy, *gate = a.gate, *up = a.up;
  T *dgate = a.dgate, *dup = a.dup;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = to_float(gate[i]), s = sigmoid(g), d = to_float(dy[i]);
    store(dgate[i], d * to_float(up[i]) * s * (1.0f + g * (1.0f - s)));
    store(dup[i], d * g * s);
  }
}

template <class T>
KEEL_INLINE void turn_head(const T* in, T* out, const float* cos, const float* sin, int64_t half,
                           float sign) {
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float a = to_float(in[i]), b = to_float(in[i + half]), s = sign * sin[i];
    store(out[i], a * cos[i] - b * s);
    store(out[i + half], b * cos[i] + a * s);
  }
}

template <class T, bool kToHeads>
KEEL_INLINE void move_heads_impl(const T* in, T* out, const HeadLayout& l, const Turn& turn) {
  const int64_t d = l.head_dim, half = d / 2;
  for (int64_t t = l.first; t < l.last; ++t) {
    const float* cos = turn.cos + turn.position[t] * half;
    const float* sin = turn.sin + turn.position[t] * half;
    for (int64_t h = 0; h < l.kv_heads * l.group; ++h) {
      const int64_t by_token = (t * l.kv_heads * l.group + h) * d;
      const int64_t by_head = ((h / l.group * l.tokens + t) * l.group + h % l.group) * d;
      if constexpr (kToHeads) {
        turn_head(in + by_token, out + by_head, cos, sin, half, 1.0f);
      } else {
        turn_head(in + by_head, out + by_token, cos, sin, half, -1.0f);
      }
    }
  }
}

template <class T>
KEEL_INLINE void gather_impl(const OutGradient<T>& a, const HeadLayout& l) {
  for (int64_t t = l.first; t < l.last; ++t) {
    for (int64_t h = 0; h < l.kv_heads * l.group; ++h) {
      const int64_t by_token = (t * l.kv_heads * l.group + h) * l.head_dim;
      const int64_t row = (h / l.group * l.tokens + t) * l.group + h % l.group;
      const T *grad = a.grad + by_token, *out = a.out + by_token;
      T* to = a.grad_heads + row * l.head_dim;
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t i = 0; i < l.head_dim; ++i) {
        dot += to_float(grad[i]) * to_float(out[i]);
        to[i] = grad[i];
      }
      a.delta[row] = dot;
    }
  }
}

struct Visible {
  int64_t low, high;
};

KEEL_INLINE Visible visible(const ScoreBlock& b, int64_t row) {
  const int64_t high = b.first_visible + row / b.group;
  const int64_t low = b.window > 0 ? std::max<int64_t>(0, high - b.window) : 0;
  return {low, high};
}

template <class T>
KEEL_INLINE void zero_outside(T* row, const Visible& v, int64_t width) {
  for (int64_t i = 0; i < v.low; ++i) row[i] = T{};
  for (int64_t i = v.high; i < width; ++i) row[i] = T{};
}

template <class T>
KEEL_INLINE void softmax_impl(T* scores, float* lse, const ScoreBlock& b) {
  std::vector<float> scratch(b.width);  // bf16 needs the unrounded exponentials for the second pass
  float* e = scratch.data();
  for (int64_t row = 0; row < b.rows; ++row) {
    const Visible v = visible(b, row);
    T* s = scores + row * b.width;
    float top = to_float(s[v.low]);
#pragma omp simd reduction(max : top)
    for (int64_t i = v.low; i < v.high; ++i) top = std::max(top, to_float(s[i]));
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = v.low; i < v.high; ++i) {
      e[i] = exp_near((to_float(s[i]) - top) * b.scale);
      sum += e[i];
    }
    const float inverse = 1.0f / sum;
#pragma omp simd
    for (int64_t i = v.low; i < v.high; ++i) store(s[i], e[i] * inverse);
    zero_outside(s, v, b.width);
    lse[row] = top * b.scale + std::log(sum);
  }
}

template <class T>
KEEL_INLINE void softmax_backward_impl(const SoftmaxBackward<T>& a, const ScoreBlock& b) {
  for (int64_t row = 0; row < b.rows; ++row) {
    const Visible v = visible(b, row);
    T *s = a.scores + row * b.width, *d = a.dweights + row * b.width;
    const float lse = a.lse[row], delta = a.delta[row];
#pragma omp simd
    for (int64_t i = v.low; i < v.high; ++i) {
      const float p = exp_near(to_float(s[i]) * b.scale - lse);
      store(d[i], p * (to_float(d[i]) - delta) * b.scale);
      store(s[i], p);
    }
    zero_outside(s, v, b.width);
    zero_outside(d, v, b.width);
  }
}

template <class T>
KEEL_INLINE void attend_one_impl(const OneQuery<T>& q) {
  for (int64_t head = 0; head < q.group; ++head) {
    const T* query = q.query + head * q.head_dim;
    T* out = q.out + head * q.head_dim;
    float top = -INFINITY;
    for (int64_t j = 0; j < q.count; ++j) {
      const T* key = q.keys + j * q.head_dim;
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t i = 0; i < q.head_dim; ++i) dot += to_float(query[i]) * to_float(key[i]);
      q.scratch[j] = dot * q.scale;
      top = std::max(top, q.scratch[j]);
    }
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < q.count; ++j) {
      q.scratch[j] = exp_near(q.scratch[j] - top);
      sum += q.scratch[j];
    }
    float* total = q.scratch + q.count;  // head_dim numbers past the weights
    std::fill(total, total + q.head_dim, 0.0f);
    for (int64_t j = 0; j < q.count; ++j) {
      const T* value = q.values + j * q.head_dim;
      const float weight = q.scratch[j] / sum;
#pragma omp simd
      for (int64_t i = 0; i < q.head_dim; ++i) total[i] += weight * to_float(value[i]);
    }
#pragma omp simd
    for (int64_t i = 0; i < q.head_dim; ++i) store(out[i], total[i]);
  }
}

template <class T>
KEEL_INLINE void dropout_impl(const T* x, T* y, uint64_t key, float p, int64_t begin, int64_t end) {
  const float scale = 1.0f / (1.0f - p);
  const auto limit = static_cast<uint32_t>(static_cast<double>(p) * 4294967296.0);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    uint64_t z = key + 0x9e3779b97f4a7c15ULL * (static_cast<uint64_t>(i) + 1);  // SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    store(y[i], static_cast<uint32_t>(z >> 32) < limit ? 0.0f : to_float(x[i]) * scale);
  }
}

}  // namespace

// clang-format off
KEEL_CLONES void rms_norm(const float* x, const float* w, float* y, float* rstd, NormShape s) { rms_norm_impl(x, w, y, rstd, s); }
KEEL_CLONES void rms_norm(const Bf16* x, const Bf16* w, Bf16* y, float* rstd, NormShape s) { rms_norm_impl(x, w, y, rstd, s); }
KEEL_CLONES void rms_norm_backward(const NormBackward<float>& a, NormShape s) { rms_norm_backward_impl(a, s); }
KEEL_CLONES void rms_norm_backward(const NormBackward<Bf16>& a, NormShape s) { rms_norm_backward_impl(a, s); }
KEEL_CLONES void swiglu(const float* gate, const float* up, float* y, int64_t n) { swiglu_impl(gate, up, y, n); }
KEEL_CLONES void swiglu(const Bf16* gate, const Bf16* up, Bf16* y, int64_t n) { swiglu_impl(gate, up, y, n); }
KEEL_CLONES void swiglu_backward(const SwigluBackward<float>& a, int64_t n) { swiglu_backward_impl(a, n); }
KEEL_CLONES void swiglu_backward(const SwigluBackward<Bf16>& a, int64_t n) { swiglu_backward_impl(a, n); }
KEEL_CLONES void to_heads(const float* in, float* out, const HeadLayout& l, const Turn& t) { move_heads_impl<float, true>(in, out, l, t); }
KEEL_CLONES void to_heads(const Bf16* in, Bf16* out, const HeadLayout& l, const Turn& t) { move_heads_impl<Bf16, true>(in, out, l, t); }
KEEL_CLONES void from_heads(const float* in, float* out, const HeadLayout& l, const Turn& t) { move_heads_impl<float, false>(in, out, l, t); }
KEEL_CLONES void from_heads(const Bf16* in, Bf16* out, const HeadLayout& l, const Turn& t) { move_heads_impl<Bf16, false>(in, out, l, t); }
KEEL_CLONES void gather_out_gradient(const OutGradient<float>& a, const HeadLayout& l) { gather_impl(a, l); }
KEEL_CLONES void gather_out_gradient(const OutGradient<Bf16>& a, const HeadLayout& l) { gather_impl(a, l); }
KEEL_CLONES void softmax(float* s, float* lse, const ScoreBlock& b) { softmax_impl(s, lse, b); }
KEEL_CLONES void softmax(Bf16* s, float* lse, const ScoreBlock& b) { softmax_impl(s, lse, b); }
KEEL_CLONES void softmax_backward(const SoftmaxBackward<float>& a, const ScoreBlock& b) { softmax_backward_impl(a, b); }
KEEL_CLONES void softmax_backward(const SoftmaxBackward<Bf16>& a, const ScoreBlock& b) { softmax_backward_impl(a, b); }
KEEL_CLONES void attend_one(const OneQuery<float>& q) { attend_one_impl(q); }
KEEL_CLONES void attend_one(const OneQuery<Bf16>& q) { attend_one_impl(q); }
KEEL_CLONES void dropout(const float* x, float* y, uint64_t key, float p, int64_t begin, int64_t end) { dropout_impl(x, y, key, p, begin, end); }
KEEL_CLONES void dropout(const Bf16* x, Bf16* y, uint64_t key, float p, int64_t begin, int64_t end) { dropout_impl(x, y, key, p, begin, end); }
// clang-format on

}  // namespace keel::rows
