#include "gemm/gemm.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "gemm/tiles.h"

namespace keel {
namespace {

constexpr int64_t kSide = 32;             // of the blocks that a product is cut into
constexpr int64_t kThreadWork = 1 << 20;  // multiplications that are worth a thread

const Bf16* numbers(const at::Tensor& x) { return static_cast<const Bf16*>(x.const_data_ptr()); }

bool lies_plainly(const at::Tensor& x) {
  return (x.stride(1) == 1 && x.stride(0) >= x.size(1)) || (x.stride(0) == 1 && x.stride(1) >= x.size(0));
}

bool by_tiles(const at::Tensor& a, const at::Tensor& b) {
  return a.is_cpu() && a.scalar_type() == at::kBFloat16 && b.scalar_type() == at::kBFloat16 &&
         tiles_available() && a.numel() > 0 && b.numel() > 0 && lies_plainly(a) && lies_plainly(b);
}

TileProduct described(const at::Tensor& a, const at::Tensor& b) {
  const bool a_turned = a.stride(1) != 1, b_turned = b.stride(1) != 1;
  return {.m = a.size(0),
          .n = b.size(1),
          .k = a.size(1),
          .a = {numbers(a), a.stride(a_turned ? 1 : 0)},
          .b = {numbers(b), b.stride(b_turned ? 1 : 0)},
          .a_transposed = a_turned,
          .b_transposed = b_turned};
}

// How many shares of rows and of columns the threads take.
struct Cut {
  int64_t rows = 1, columns = 1;
};

// The cut in which the busiest thread has least to do; packing an operand counts as a few products with it.
Cut best_cut(const TileProduct& p) {
  const int64_t rows = (p.m + kSide - 1) / kSide, columns = (p.n + kSide - 1) / kSide;
  const int64_t most = at::in_parallel_region()
                           ? 1
                           : std::clamp<int64_t>(p.m * p.n * p.k / kThreadWork, 1, at::get_num_threads());
  constexpr int64_t kPacking = 2;
  Cut best;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (Cut cut{.rows = 1}; cut.rows <= std::min(most, rows); ++cut.rows) {
    cut.columns = std::min(most / cut.rows, columns);
    const int64_t r = (rows + cut.rows - 1) / cut.rows, c = (columns + cut.columns - 1) / cut.columns;
    const int64_t work = r * c + kPacking * (c + (p.a_transposed ? r : 0));
    if (work < least) {
      least = work;
      best = cut;
    }
  }
  return best;
}

template <class T>
void multiply(const TileProduct& p, const TileResult<T>& c) {
  const Cut cut = best_cut(p);
  const auto share = [](int64_t of, int64_t i, int64_t n) {
    const int64_t blocks = (of + kSide - 1) / kSide;
    return std::min(of, blocks * i / n * kSide);
  };
  at::parallel_for(0, cut.rows * cut.columns, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / cut.columns, column = i % cut.columns;
      const TileBlock block{.m_begin = share(p.m, row, cut.rows),
                            .m_end = share(p.m, row + 1, cut.rows),
                            .n_begin = share(p.n, column, cut.columns),
                            .n_end = share(p.n, column + 1, cut.columns)};
      const at::Tensor scratch = at::detail::empty_cpu({tile_scratch(p, block)}, at::kBFloat16);
      tile_product(p, c, block, static_cast<Bf16*>(scratch.data_ptr()));
    }
  });
}

struct Onto {
  bool accumulate = false;
  at::Tensor sum = {};
  double scale = 1;
};

void multiply_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, const Onto& onto) {
  RECORD_USER_SCOPE("keel::product");
  KEEL_CHECK(
      out.stride(1) == 1 && out.size(0) == a.size(0) && out.size(1) == b.size(1) && a.size(1) == b.size(0),
      "a product [M, K] · [K, N] goes to rows [M, N] without gaps");
  const TileProduct p = described(a, b);
  const auto go = [&](auto number) {
    using T = decltype(number);
    multiply(p, TileResult<T>{
                    .data = static_cast<T*>(out.data_ptr()),
                    .stride = out.stride(0),
                    .accumulate = onto.accumulate,
                    .sum = onto.sum.defined() ? static_cast<const T*>(onto.sum.const_data_ptr()) : nullptr,
                    .sum_stride = onto.sum.defined() && onto.sum.dim() == 2 ? onto.sum.stride(0) : 0,
                    .scale = static_cast<float>(onto.scale)});
  };
  out.scalar_type() == at::kFloat ? go(float{}) : go(Bf16{});
}

}  // namespace

at::Tensor gemm(const at::Tensor& a, const at::Tensor& b) {
  if (!by_tiles(a, b)) return at::mm(a, b);
  const at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  multiply_into(out, a, b, {});
  return out;
}

at::Tensor wide_gemm(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options().dtype(at::kFloat));
  gemm_into(out, a, b);
  return out;
}

at::Tensor gemm_plus(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  if (!by_tiles(a, b) || sum.scalar_type() != at::kBFloat16 || sum.stride(-1) != 1)
    return at::addmm(sum, a, b);
  const at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  multiply_into(out, a, b, {.sum = sum});
  return out;
}

void gemm_into(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  if (by_tiles(a, b)) return multiply_into(out, a, b, {});
  at::Tensor to = out;
  if (out.scalar_type() == a.scalar_type()) {
    at::mm_out(to, a, b);
  } else {
    to.copy_(at::mm(a, b));
  }
}

void gemm_onto(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, double scale) {
  if (by_tiles(a, b)) return multiply_into(sum, a, b, {.accumulate = true, .scale = scale});
  if (sum.scalar_type() == a.scalar_type()) {
    sum.addmm_(a, b, 1, scale);
  } else {
    sum.add_(at::mm(a, b), scale);
  }
}

}  // namespace keel
