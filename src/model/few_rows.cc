#include "model/few_rows.h"

namespace keel {
namespace {

// kLanes numbers next to one another.
template <int kLanes>
struct Lanes {
  using Float __attribute__((vector_size(kLanes * 4))) = float;
  using Bits __attribute__((vector_size(kLanes * 4))) = uint32_t;
};

template <class T>
KEEL_INLINE T unaligned(const void* from) {
  T out;
  __builtin_memcpy(&out, from, sizeof out);
  return out;
}

// As floats: kLanes weights, or twice as many of half the size. Of a pair in 32 bits the second is the upper
// half, so both become floats without changing places.
template <int kLanes>
struct One {
  static constexpr int kNumbers = kLanes;
  typename Lanes<kLanes>::Float value;
  KEEL_INLINE explicit One(const float* w) : value(unaligned<typename Lanes<kLanes>::Float>(w)) {}
  KEEL_INLINE void add_to(typename Lanes<kLanes>::Float& sum, const float* x) const {
    sum += value * unaligned<typename Lanes<kLanes>::Float>(x);
  }
};
template <int kLanes>
struct Pair {
  static constexpr int kNumbers = 2 * kLanes;
  typename Lanes<kLanes>::Float even, odd;
  KEEL_INLINE explicit Pair(const Bf16* w) {
    const auto both = unaligned<typename Lanes<kLanes>::Bits>(w);
    const auto low = both << 16, high = both & 0xffff0000u;
    even = unaligned<typename Lanes<kLanes>::Float>(&low);
    odd = unaligned<typename Lanes<kLanes>::Float>(&high);
  }
  KEEL_INLINE void add_to(typename Lanes<kLanes>::Float& sum, const float* x) const {
    sum += even * unaligned<typename Lanes<kLanes>::Float>(x);
    sum += odd * unaligned<typename Lanes<kLanes>::Float>(x + kLanes);
  }
};
template <int kLanes>
One<kLanes> kind_of(float);
template <int kLanes>
Pair<kLanes> kind_of(Bf16);

template <int kLanes>
KEEL_INLINE float total(const typename Lanes<kLanes>::Float& parts) {
  if constexpr (kLanes == 1) {
    return parts[0];
  } else {
    typename Lanes<kLanes / 2>::Float halves[2];
    __builtin_memcpy(halves, &parts, sizeof parts);
    return total<kLanes / 2>(halves[0] + halves[1]);
  }
}

// kOutputs outputs of kRows rows: as many sums of kLanes parts, which stay in registers. Weights of kAhead
// of the next outputs are sent for; which ones, follows from the row.
template <int kLanes, int kOutputs, int kRows, int kAhead, class Weight>
KEEL_INLINE void tile(const FewRows<Weight>& a, int64_t output, int64_t row) {
  using Weights = decltype(kind_of<kLanes>(Weight{}));
  const Weight* const w = a.w + output * a.inputs;
  const float* const x = a.x + row * a.inputs;
  const Weight* const next = w + (kOutputs + row / 4 * kAhead) * a.inputs;
  typename Lanes<kLanes>::Float sums[kOutputs][kRows] = {};
  for (int64_t i = 0; i < a.inputs; i += Weights::kNumbers) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) {
      if (o < kAhead) __builtin_prefetch(next + o * a.inputs + i);
      const Weights weights(w + o * a.inputs + i);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) weights.add_to(sums[o][r], x + r * a.inputs + i);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o) a.y[(row + r) * a.outputs + output + o] = total<kLanes>(sums[o][r]);
  }
}

template <int kLanes, int kOutputs, int kAhead, class Weight>
KEEL_INLINE void up_to_four_rows(const FewRows<Weight>& a, int64_t output, int64_t row) {
  const int64_t left = a.rows - row;
  if (left >= 4) tile<kLanes, kOutputs, 4, kAhead>(a, output, row);
  if (left == 3) tile<kLanes, kOutputs, 3, kAhead>(a, output, row);
  if (left == 2) tile<kLanes, kOutputs, 2, kAhead>(a, output, row);
  if (left == 1) tile<kLanes, kOutputs, 1, kAhead>(a, output, row);
}

// The first rows of an output have its weights come from memory. They also send for those of the next
// outputs: all at once where few rows follow, else a third each of the first three times, so that there is
// work to do meanwhile.
template <int kLanes, int kOutputs, class Weight>
KEEL_INLINE void all_rows(const FewRows<Weight>& a, int64_t output) {
  int64_t row = 0;
  if (a.rows <= 8) {
    up_to_four_rows<kLanes, kOutputs, kOutputs>(a, output, row);
    row = 4;
  } else {
    for (; row < 12; row += 4) up_to_four_rows<kLanes, kOutputs, kOutputs / 3>(a, output, row);
  }
  for (; row < a.rows; row += 4) up_to_four_rows<kLanes, kOutputs, 0>(a, output, row);
}

template <int kLanes, int kOutputs, class Weight>
KEEL_INLINE void all_outputs(const FewRows<Weight>& a, int64_t begin, int64_t end) {
  int64_t output = begin;
  for (; output + kOutputs <= end; output += kOutputs) all_rows<kLanes, kOutputs>(a, output);
  for (; output < end; ++output) all_rows<kLanes, 1>(a, output);
}

// The sums of a tile fill most of the registers: 32 of 16 numbers, or 16 of 8.
// clang-format off
KEEL_CLONES void wide(const FewRows<float>& a, int64_t begin, int64_t end) { all_outputs<16, 6>(a, begin, end); }
KEEL_CLONES void wide(const FewRows<Bf16>& a, int64_t begin, int64_t end) { all_outputs<16, 6>(a, begin, end); }
KEEL_CLONES void narrow(const FewRows<float>& a, int64_t begin, int64_t end) { all_outputs<8, 3>(a, begin, end); }
KEEL_CLONES void narrow(const FewRows<Bf16>& a, int64_t begin, int64_t end) { all_outputs<8, 3>(a, begin, end); }
// clang-format on

bool has_wide_registers() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

bool is_wide() {
  static const bool found = has_wide_registers();
  return found;
}

}  // namespace

int64_t few_rows_lanes() { return is_wide() ? 16 : 8; }

void few_rows(const FewRows<float>& a, int64_t begin, int64_t end) {
  is_wide() ? wide(a, begin, end) : narrow(a, begin, end);
}
void few_rows(const FewRows<Bf16>& a, int64_t begin, int64_t end) {
  is_wide() ? wide(a, begin, end) : narrow(a, begin, end);
}

}  // namespace keel
