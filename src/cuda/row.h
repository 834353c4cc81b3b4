// The row pass of loss/kernel.h for one row of logits and a team of threads: a block on a GPU, a few threads
// of the host in tests. Torch-free; compiled by nvcc and by the host's compiler.
//
// A Team has rank() and size() (this thread's number, and how many there are) and sum(x) and max(x), which
// every thread calls and which give every thread the result.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define KEEL_BOTH __host__ __device__
#else
#define KEEL_BOTH
#endif

namespace keel::cuda {

struct RowStatistics {
  float nll = 0, entropy = 0, sum_p2 = 0;
  float max = 0, sum_e = 0;  // the gradient's exp(z − max) / sum_e
};

KEEL_BOTH inline float widened(float x) { return x; }
KEEL_BOTH inline void put(float& to, float x) { to = x; }

// bfloat16 as its bits: nvcc's own type is not known to the host's compiler.
struct Bf16Bits {
  uint16_t bits;
};

KEEL_BOTH inline float widened(Bf16Bits x) {
  union {
    uint32_t bits;
    float value;
  } both{static_cast<uint32_t>(x.bits) << 16};
  return both.value;
}

KEEL_BOTH inline void put(Bf16Bits& to, float x) {  // to the nearest, ties to even; NaN stays NaN
  union {
    float value;
    uint32_t bits;
  } both{x};
  const bool nan = x != x;
  to.bits = static_cast<uint16_t>(nan ? 0x7fc0u : (both.bits + 0x7fffu + ((both.bits >> 16) & 1u)) >> 16);
}

template <class T, class Team>
KEEL_BOTH RowStatistics row_statistics(const T* logits_V, int64_t V, int64_t label, const Team& team) {
  float max = -INFINITY;
  for (int64_t v = team.rank(); v < V; v += team.size()) max = fmaxf(max, widened(logits_V[v]));
  max = team.max(max);
  float e = 0, ed = 0, e2 = 0;
  for (int64_t v = team.rank(); v < V; v += team.size()) {
    const float d = widened(logits_V[v]) - max;
    const float power = expf(d);
    e += power;
    ed += d < -87.0f ? 0.0f : power * d;  // 0 · -inf would be NaN
    e2 += power * power;
  }
  e = team.sum(e);
  ed = team.sum(ed);
  e2 = team.sum(e2);
  const float log_e = logf(e);
  return {log_e - (widened(logits_V[label]) - max), log_e - ed / e, e2 / (e * e), max, e};
}

// logits_V becomes share · p, and at_label at the label.
template <class T, class Team>
KEEL_BOTH void row_gradient(T* logits_V, int64_t V, int64_t label, const RowStatistics& s, float share,
                            float at_label, const Team& team) {
  const float scale = share / s.sum_e;
  for (int64_t v = team.rank(); v < V; v += team.size())
    put(logits_V[v], v == label ? at_label : expf(widened(logits_V[v]) - s.max) * scale);
}

}  // namespace keel::cuda
