// Plain loops over rows of memory: the arithmetic of norms, SwiGLU, rotary positions and attention weights
// on the CPU. No torch, no threads: callers split the rows. All arithmetic is in fp32; Bf16 is only stored.
#pragma once

#include <cstdint>

#include "base/simd.h"

namespace keel::rows {

// y = x · rstd · w with rstd = 1/sqrt(mean(x²) + eps), per row of `width`; rstd gets one number a row.
struct NormShape {
  int64_t rows, width;
  float eps;
};
void rms_norm(const float* x, const float* w, float* y, float* rstd, NormShape shape);
void rms_norm(const Bf16* x, const Bf16* w, Bf16* y, float* rstd, NormShape shape);

// dx from dy; dw[width] (fp32, may be null) is added to, not set.
template <class T>
struct NormBackward {
  const T *dy, *x, *w;
  const float* rstd;
  T* dx;
  float* dw;
};
void rms_norm_backward(const NormBackward<float>& a, NormShape shape);
void rms_norm_backward(const NormBackward<Bf16>& a, NormShape shape);

// y = silu(gate) · up over n numbers.
void swiglu(const float* gate, const float* up, float* y, int64_t n);
void swiglu(const Bf16* gate, const Bf16* up, Bf16* y, int64_t n);
template <class T>
struct SwigluBackward {
  const T *dy, *gate, *up;
  T *dgate, *dup;
};
void swiglu_backward(const SwigluBackward<float>& a, int64_t n);
void swiglu_backward(const SwigluBackward<Bf16>& a, int64_t n);

// Token-major [tokens, kv_heads, group, head_dim] to head-major [kv_heads, tokens, group, head_dim] or back,
// for tokens [first, last). With cos/sin ([positions, head_dim / 2]) each head is turned on the way, by
// +angle to head-major and by -angle back; the halves of a head form the pairs, as in transformers.
struct HeadLayout {
  int64_t tokens, kv_heads, group, head_dim;
  int64_t first, last;
};
struct Turn {
  const float *cos, *sin;
  const int64_t* position;  // [tokens]
};
void to_heads(const float* in, float* out, const HeadLayout& layout, const Turn& turn);
void to_heads(const Bf16* in, Bf16* out, const HeadLayout& layout, const Turn& turn);
void from_heads(const float* in, float* out, const HeadLayout& layout, const Turn& turn);
void from_heads(const Bf16* in, Bf16* out, const HeadLayout& layout, const Turn& turn);

// dO token-major to head-major without turning, and delta[kv_heads, tokens · group] = Σ dO·O.
template <class T>
struct OutGradient {
  const T *grad, *out;
  T* grad_heads;
  float* delta;
};
void gather_out_gradient(const OutGradient<float>& a, const HeadLayout& layout);
void gather_out_gradient(const OutGradient<Bf16>& a, const HeadLayout& layout);

// A block of attention scores of one key head: `rows` rows (token, query head of the group) of `width` keys.
// Row r belongs to the (r / group)-th query token, which sees keys [hi - window, hi) with
// hi = first_visible + r / group; window 0: all.
struct ScoreBlock {
  int64_t rows, width, group;
  int64_t first_visible;
  int64_t window;
  float scale;
};
// Scores to weights in place (0 where hidden); lse and delta: one number a row.
void softmax(float* scores, float* lse, const ScoreBlock& block);
void softmax(Bf16* scores, float* lse, const ScoreBlock& block);
// scores become weights P, dweights become dS = P · (dP - delta) · scale.
template <class T>
struct SoftmaxBackward {
  T *scores, *dweights;
  const float *lse, *delta;
};
void softmax_backward(const SoftmaxBackward<float>& a, const ScoreBlock& block);
void softmax_backward(const SoftmaxBackward<Bf16>& a, const ScoreBlock& block);

// One query token's `group` heads over cached keys and values [keys, head_dim] of one key head.
// scratch: count + head_dim floats.
template <class T>
struct OneQuery {
  const T *query, *keys, *values;
  T* out;
  float* scratch;
  int64_t count, group, head_dim;
  float scale;
};
void attend_one(const OneQuery<float>& q);
void attend_one(const OneQuery<Bf16>& q);

// y = x · (keep ? 1/(1-p) : 0); element i is kept as a function of (key, i) alone.
void dropout(const float* x, float* y, uint64_t key, float p, int64_t begin, int64_t end);
void dropout(const Bf16* x, Bf16* y, uint64_t key, float p, int64_t begin, int64_t end);

}  // namespace keel::rows
