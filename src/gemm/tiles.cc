#include "gemm/tiles.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define KEEL_HAS_TILES 1
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#define KEEL_HAS_TILES 0
#endif

namespace keel {

#if KEEL_HAS_TILES
namespace {

#define KEEL_TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define KEEL_TILES_INLINE KEEL_TILES inline __attribute__((always_inline))

constexpr int64_t kSide = 16;             // rows of a tile, and its columns of 32 bits
constexpr int64_t kDeep = 32;             // bfloat16 numbers in a row of a tile
constexpr int64_t kTile = kSide * kDeep;  // numbers of a tile
constexpr int64_t kPair = 2 * kSide;      // rows and columns that one pass of the unit makes: 2 x 2 tiles
// Of a block at a time, so that what is used again lies in a cache (half of each: two threads may share one):
constexpr int64_t kDepth = 288;             // numbers of k of 32 packed columns of B: the first cache's half
constexpr int64_t kRows = 128;              // rows of A that go over them
constexpr int64_t kPartDepth = 4 * kDepth;  // numbers of k, and columns, that are packed at a time
constexpr int64_t kPartColumns = 768;
constexpr int64_t kPartRows = 1024;  // rows whose sums wait for the next part of k

int64_t rounded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kConfig;

// The compiler does not see that tile instructions read and write memory.
KEEL_INLINE void memory_fence() { asm volatile("" ::: "memory"); }

bool ask_for_tiles() {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("avx512bf16") &&
         syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

// 16 rows of 16 numbers of 32 bits: rows become columns.
KEEL_TILES_INLINE void transpose(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

__mmask16 first_16(int64_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffffU : (1U << std::max<int64_t>(0, n)) - 1);
}
__mmask32 first_32(int64_t n) { return n >= 32 ? 0xffffffffU : (1U << std::max<int64_t>(0, n)) - 1; }

// Up to 16 columns of the rows 2·i and 2·i + 1, the two numbers of a column side by side.
KEEL_TILES_INLINE __m512i row_pair(const Bf16* at, int64_t stride, int64_t rows, __mmask16 columns) {
  const __m256i none = _mm256_setzero_si256();
  const __m256i even = rows > 0 ? _mm256_maskz_loadu_epi16(columns, at) : none;
  const __m256i odd = rows > 1 ? _mm256_maskz_loadu_epi16(columns, at + stride) : none;
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

// A tile from a matrix that lies as [k, n]: its rows are pairs of k, its columns n; `turned`: its rows are n,
// with their numbers of k. pack_columns: from one that lies as [n, k], and the other way round. What is not
// there is 0.
KEEL_TILES_INLINE void pack_rows(const Bf16* at, int64_t stride, int64_t k, int64_t columns, bool turned,
                                 Bf16* out) {
  __m512i r[16];
  const __mmask16 mask = first_16(columns);
  for (int64_t i = 0; i < kDeep; ++i) __builtin_prefetch(at + i * stride + kPair);
  for (int64_t i = 0; i < 16; ++i) r[i] = row_pair(at + 2 * i * stride, stride, k - 2 * i, mask);
  if (turned) transpose(r);
  for (int64_t i = 0; i < 16; ++i) _mm512_store_si512(out + i * kDeep, r[i]);
}
KEEL_TILES_INLINE void pack_columns(const Bf16* at, int64_t stride, int64_t k, int64_t rows, bool turned,
                                    Bf16* out) {
  __m512i r[16];
  const __mmask32 mask = first_32(k);
  for (int64_t i = 0; i < 16; ++i)
    r[i] = i < rows ? _mm512_maskz_loadu_epi16(mask, at + i * stride) : _mm512_setzero_si512();
  if (turned) transpose(r);
  for (int64_t i = 0; i < 16; ++i) _mm512_store_si512(out + i * kDeep, r[i]);
}

struct TileRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

// Tiles of B for 32 columns: of each 32 of k two tiles.
KEEL_TILES void pack_b(const TileProduct& p, TileRange columns, TileRange k, Bf16* out) {
  for (int64_t at = k.begin; at < k.end; at += kDeep) {
    for (int64_t half = 0; half < 2; ++half, out += kTile) {
      const int64_t n = columns.begin + half * kSide, there = std::min(columns.end - n, kSide);
      if (p.b_transposed) {
        pack_columns(p.b.data + n * p.b.stride + at, p.b.stride, k.end - at, there, true, out);
      } else {
        pack_rows(p.b.data + at * p.b.stride + n, p.b.stride, k.end - at, there, false, out);
      }
    }
  }
}

// Tiles of A for 16 rows: one for each 32 of k.
KEEL_TILES void pack_a(const TileProduct& p, TileRange rows, TileRange k, Bf16* out) {
  for (int64_t at = k.begin; at < k.end; at += kDeep, out += kTile) {
    if (p.a_transposed) {
      pack_rows(p.a.data + at * p.a.stride + rows.begin, p.a.stride, k.end - at, std::min(rows.size(), kSide),
                true, out);
    } else {
      pack_columns(p.a.data + rows.begin * p.a.stride + at, p.a.stride, k.end - at, rows.size(), false, out);
    }
  }
}

// 16 rows of A as the unit reads them: `stride` bytes from row to row, `step` from 32 numbers of k to the
// next.
struct TileRows {
  const Bf16* data;
  int64_t stride, step;
};

// sum [32, 32] (+)= 32 rows of A over 32 columns of packed B.
KEEL_TILES_INLINE void multiply(TileRows upper, TileRows lower, const Bf16* b, int64_t steps, float* sum,
                                bool first) {
  constexpr int64_t kStride = kPair * sizeof(float);
  memory_fence();
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sum, kStride);
    _tile_loadd(1, sum + kSide, kStride);
    _tile_loadd(2, sum + kSide * kPair, kStride);
    _tile_loadd(3, sum + kSide * kPair + kSide, kStride);
  }
  for (int64_t i = 0; i < steps; ++i) {
    _tile_loadd(6, b, 64);
    _tile_loadd(4, upper.data, upper.stride);
    _tile_loadd(7, b + kTile, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(5, lower.data, lower.stride);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    b += 2 * kTile;
    upper.data += upper.step;
    lower.data += lower.step;
  }
  _tile_stored(0, sum, kStride);
  _tile_stored(1, sum + kSide, kStride);
  _tile_stored(2, sum + kSide * kPair, kStride);
  _tile_stored(3, sum + kSide * kPair + kSide, kStride);
  memory_fence();
}

KEEL_TILES_INLINE __m512 load(const float* at, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, at); }
KEEL_TILES_INLINE __m512 load(const Bf16* at, __mmask16 mask) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, at)), 16));
}
KEEL_TILES_INLINE void put(float* at, __mmask16 mask, __m512 x) { _mm512_mask_storeu_ps(at, mask, x); }
KEEL_TILES_INLINE void put(Bf16* at, __mmask16 mask, __m512 x) {
  _mm256_mask_storeu_epi16(at, mask, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}

// sum [32, 32] to the result's rows [m, m + rows) and columns [n, n + columns).
template <class T>
KEEL_TILES_INLINE void put_block(const float* sum, const TileResult<T>& c, int64_t m, int64_t n, int64_t rows,
                                 int64_t columns) {
  const T* const under = c.accumulate ? c.data : c.sum;
  const int64_t under_stride = c.accumulate ? c.stride : c.sum_stride;
  const __m512 scale = _mm512_set1_ps(c.scale);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t half = 0; half < 2; ++half) {
      const __mmask16 mask = first_16(columns - half * kSide);
      const int64_t column = n + half * kSide;
      __m512 x = _mm512_load_ps(sum + i * kPair + half * kSide);
      x = under ? _mm512_fmadd_ps(x, scale, load(under + (m + i) * under_stride + column, mask))
                : _mm512_mul_ps(x, scale);
      put(c.data + (m + i) * c.stride + column, mask, x);
    }
  }
}

// What the next stores will write, on its way meanwhile: rows of a block are far apart, which the processor
// does not foresee.
template <class T>
KEEL_TILES_INLINE void fetch_block(const TileResult<T>& c, int64_t m, int64_t n, int64_t rows,
                                   int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    const char* const at = reinterpret_cast<const char*>(c.data + (m + i) * c.stride + n);
    for (int64_t byte = 0; byte < columns * static_cast<int64_t>(sizeof(T)); byte += 64)
      __builtin_prefetch(at + byte, 1, 3);
  }
}

// Of parts of about the same size, at most `most` each: A is packed anew for each.
int64_t even_part(int64_t n, int64_t most) {
  const int64_t parts = std::max<int64_t>(1, (n + most - 1) / most);
  return rounded((n + parts - 1) / parts, kPair);
}

// What of a block is worked on at a time.
struct TileSizes {
  int64_t rows, columns, depth;
  bool whole;  // all of k at once: sums wait for nothing

  TileSizes(const TileProduct& p, const TileBlock& block)
      : rows(std::min(kPartRows, rounded(block.m_end - block.m_begin, kPair))),
        columns(even_part(block.n_end - block.n_begin, kPartColumns)),
        depth(std::min(kPartDepth, rounded(p.k, kDeep))),
        whole(p.k <= kPartDepth) {}

  int64_t packed_a() const { return std::min(rows, kRows) * depth; }
  int64_t packed_b() const { return columns * depth; }
  int64_t sums() const { return whole ? std::min(rows, kRows) * kPair : rows * columns; }
};

// A block on its way to the result.
template <class T>
class TileWork {
 public:
  TileWork(const TileProduct& p, const TileResult<T>& c, const TileBlock& block, Bf16* scratch)
      : p_(p),
        c_(c),
        block_(block),
        sizes_(p, block),
        a_(scratch),
        b_(a_ + sizes_.packed_a()),
        sums_(reinterpret_cast<float*>(b_ + sizes_.packed_b())) {}

  KEEL_TILES void run() {
    _tile_loadconfig(&kConfig);
    for (int64_t m = block_.m_begin; m < block_.m_end; m += sizes_.rows) {
      const Range rows{m, std::min(block_.m_end, m + sizes_.rows)};
      for (int64_t n = block_.n_begin; n < block_.n_end; n += sizes_.columns) {
        const Range columns{n, std::min(block_.n_end, n + sizes_.columns)};
        for (int64_t k = 0; k < p_.k; k += sizes_.depth)
          part(rows, columns, {k, std::min(p_.k, k + sizes_.depth)});
      }
    }
    _tile_release();
  }

 private:
  using Range = TileRange;

  KEEL_TILES void part(Range rows, Range columns, Range k) {
    const int64_t depth = rounded(k.size(), kDeep);
    for (int64_t n = columns.begin; n < columns.end; n += kPair)
      pack_b(p_, {n, columns.end}, k, b_ + (n - columns.begin) * depth);
    for (int64_t m = rows.begin; m < rows.end; m += kRows) {
      const Range few{m, std::min(rows.end, m + kRows)};
      for (int64_t at = m; at < few.end; at += kSide) {
        if (!lies_well(at, few, k)) pack_a(p_, {at, few.end}, k, a_ + (at - m) * depth);
      }
      for (int64_t n = columns.begin; n < columns.end; n += kPair) {
        float* const sums =
            sums_ + (sizes_.whole ? 0 : (n - columns.begin) * sizes_.rows + (m - rows.begin) * kPair);
        over_panel(few, {n, std::min(columns.end, n + kPair)}, k, b_ + (n - columns.begin) * depth, sums,
                   n == columns.begin);
      }
    }
  }

  // Up to kRows rows over a panel of up to 32 columns.
  KEEL_TILES void over_panel(Range rows, Range columns, Range k, const Bf16* b, float* sums, bool first) {
    const int64_t depth = rounded(k.size(), kDeep);
    for (int64_t at = 0; at < depth; at += kDepth) {
      const bool last = k.end == p_.k && at + kDepth >= depth;
      for (int64_t m = rows.begin; m < rows.end; m += kPair) {
        const Range here{m, std::min(rows.end, m + kPair)};
        if (last) fetch_block(c_, here.begin, columns.begin, here.size(), columns.size());
        if (first && !p_.a_transposed)
          fetch_rows(m + kPair, {k.begin + at, std::min(k.end, k.begin + at + kDepth)});
        const TileRows upper = rows_at(m, rows, k, at);
        const TileRows lower = here.size() > kSide ? rows_at(m + kSide, rows, k, at) : upper;
        float* const sum = sums + (m - rows.begin) * kPair;
        multiply(upper, lower, b + at * kPair, std::min(kDepth, depth - at) / kDeep, sum, k.begin + at == 0);
        if (last) put_block(sum, c_, here.begin, columns.begin, here.size(), columns.size());
      }
    }
  }

  // The next rows of A, on their way while the unit works on these.
  void fetch_rows(int64_t m, Range k) const {
    for (int64_t i = m; i < std::min(m + kPair, block_.m_end); ++i) {
      for (int64_t at = k.begin; at < k.end; at += kDeep)
        __builtin_prefetch(p_.a.data + i * p_.a.stride + at, 0, 2);
    }
  }

  // Whether the unit can read these 16 rows of A where they are.
  bool lies_well(int64_t m, Range rows, Range k) const {
    return !p_.a_transposed && k.size() % kDeep == 0 && m + kSide <= rows.end;
  }
  TileRows rows_at(int64_t m, Range rows, Range k, int64_t at) const {
    if (lies_well(m, rows, k)) return {p_.a.data + m * p_.a.stride + k.begin + at, p_.a.stride * 2, kDeep};
    const int64_t depth = rounded(k.size(), kDeep);
    return {a_ + (m - rows.begin) * depth + at * kSide, 64, kTile};
  }

  TileProduct p_;
  TileResult<T> c_;
  TileBlock block_;
  TileSizes sizes_;
  Bf16 *a_, *b_;
  float* sums_;
};

}  // namespace

bool tiles_available() {
  static const bool there = ask_for_tiles();
  return there;
}

int64_t tile_scratch(const TileProduct& p, const TileBlock& block) {
  const TileSizes sizes(p, block);
  return sizes.packed_a() + sizes.packed_b() + 2 * sizes.sums();
}

void tile_product(const TileProduct& p, const TileResult<float>& c, const TileBlock& block, Bf16* scratch) {
  TileWork(p, c, block, scratch).run();
}
void tile_product(const TileProduct& p, const TileResult<Bf16>& c, const TileBlock& block, Bf16* scratch) {
  TileWork(p, c, block, scratch).run();
}

#else

bool tiles_available() { return false; }
int64_t tile_scratch(const TileProduct&, const TileBlock&) { return 0; }
void tile_product(const TileProduct&, const TileResult<float>&, const TileBlock&, Bf16*) {}
void tile_product(const TileProduct&, const TileResult<Bf16>&, const TileBlock&, Bf16*) {}

#endif

}  // namespace keel
