#include "gemm/gemm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "gemm/leaf_gradient.h"
#include "gemm/tiles.h"

namespace keel::test {
namespace {

constexpr double kFloatEps = std::numeric_limits<float>::epsilon();
constexpr double kBfloat16Eps = 1.0 / 256;

at::Tensor random(at::IntArrayRef shape, at::ScalarType type) {
  static auto generator = at::detail::createCPUGenerator(11);
  return at::randn(shape, generator, at::kFloat).to(type);
}

// [rows, columns] that lies so, or the other way round, as part of something larger.
at::Tensor matrix(int64_t rows, int64_t columns, bool turned, at::ScalarType type) {
  if (turned) return random({columns, rows + 3}, type).slice(1, 1, rows + 1).t();
  return random({rows, columns + 5}, type).slice(1, 2, columns + 2);
}

// Sums of k terms in fp32 in any order, then rounded to `type`; base is added before that.
void expect_product(const at::Tensor& got, const at::Tensor& a, const at::Tensor& b, double scale = 1,
                    const at::Tensor& base = {}) {
  const at::Tensor wide_a = a.to(at::kDouble), wide_b = b.to(at::kDouble);
  at::Tensor wanted = scale * at::mm(wide_a, wide_b);
  at::Tensor size = std::abs(scale) * at::mm(wide_a.abs(), wide_b.abs());
  if (base.defined()) {
    wanted = wanted + base.to(at::kDouble);
    size = size + base.to(at::kDouble).abs();
  }
  const double rounding = got.scalar_type() == at::kBFloat16 ? kBfloat16Eps : kFloatEps;
  const at::Tensor bound =
      static_cast<double>(a.size(1) + 2) * kFloatEps * size + rounding * wanted.abs() + 1e-30;
  EXPECT_LE(((got.to(at::kDouble) - wanted).abs() / bound).max().item<double>(), 1)
      << a.sizes() << " · " << b.sizes();
}

struct Sizes {
  int64_t m, n, k;
};
// Whole tiles and what is left over; more rows, columns and depth than are worked on at a time.
const Sizes kSizes[] = {{1, 1, 1},     {16, 16, 32},  {33, 47, 65},   {10, 192, 576},
                        {200, 64, 31}, {64, 600, 96}, {70, 40, 2500}, {1100, 530, 1200}};

TEST(Gemm, EqualsTheProductInDouble) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const auto& [m, n, k] : kSizes) {
      for (const bool a_turned : {false, true}) {
        for (const bool b_turned : {false, true}) {
          const at::Tensor a = matrix(m, k, a_turned, type), b = matrix(k, n, b_turned, type);
          expect_product(gemm(a, b), a, b);
          const at::Tensor wide = at::full({m, n}, 7.0F);
          gemm_into(wide, a, b);
          // Where the library makes it, it is rounded first.
          expect_product(type == at::kFloat || tiles_available() ? wide : wide.to(type), a, b);
        }
      }
    }
  }
}

TEST(Gemm, OnTopOfRowsAndOfOneRow) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor a = matrix(37, 1300, false, type), b = matrix(1300, 50, true, type);
    for (const at::Tensor& sum : {random({37, 50}, type), random({50}, type)}) {
      if (type == at::kFloat || tiles_available()) expect_product(gemm_plus(sum, a, b), a, b, 1, sum);
    }
    const at::Tensor base = random({37, 50}, at::kFloat), sum = base.clone();
    gemm_onto(sum, a, b, 0.5);
    if (type == at::kFloat || tiles_available()) expect_product(sum, a, b, 0.5, base);
  }
}

TEST(Gemm, OneRoundingForAllThatIsAddedUp) {
  if (!tiles_available()) GTEST_SKIP() << "this machine has no matrix unit for bfloat16";
  const at::Tensor one = at::ones({1, 1}, at::kBFloat16), sum = at::full({1, 1}, 256.0F);
  gemm_onto(sum, one, one);  // 257 is no bfloat16 number
  EXPECT_EQ(sum.item<float>(), 257);
}

TEST(Gemm, ThreadsDoNotChangeABit) {
  const int threads = at::get_num_threads();
  for (const auto& [m, n, k] : kSizes) {
    const at::Tensor a = matrix(m, k, true, at::kBFloat16), b = matrix(k, n, false, at::kBFloat16);
    at::set_num_threads(1);
    const at::Tensor alone = gemm(a, b);
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(gemm(a, b), alone)) << m << " x " << n << " x " << k;
  }
  at::set_num_threads(threads);
}

TEST(Gemm, NothingToAddUp) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    EXPECT_TRUE(at::equal(gemm(at::empty({2, 0}, type), at::empty({0, 3}, type)), at::zeros({2, 3}, type)));
    EXPECT_EQ(gemm(at::empty({0, 4}, type), at::empty({4, 3}, type)).numel(), 0);
  }
}

// Of a leaf in bfloat16 whose gradient is kept in fp32, and of one in fp32.
at::Tensor leaf_of(at::IntArrayRef shape, at::ScalarType type) {
  at::Tensor leaf = random(shape, type).requires_grad_();
  leaf.set_grad_dtype(at::kFloat);
  return leaf;
}

struct Product : torch::autograd::Function<Product> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& w) {
    ctx->save_for_backward({x, w});
    return gemm(x, w);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    return {at::Tensor(), product_gradient(saved[1], saved[0].t(), grads[0].contiguous())};
  }
};

TEST(LeafGradient, IsPutIntoTheLeafOrGivenBackWhereItIsAskedFor) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = random({40, 8}, type), w = leaf_of({8, 6}, type);
    const auto loss = [&] { return Product::apply(x, w).sum(); };
    const at::Tensor asked = torch::autograd::grad({loss()}, {w})[0];
    EXPECT_FALSE(w.grad().defined());
    const at::Tensor wanted = x.to(at::kFloat).t().mm(at::ones({40, 6}));
    // Sums of 40 terms in fp32; where the library makes a bfloat16 product, it is rounded.
    const double rounding = type == at::kFloat || tiles_available() ? 0 : kBfloat16Eps;
    const double bound = 40 * kFloatEps * x.to(at::kFloat).abs().sum(0).max().item<double>() +
                         rounding * wanted.abs().max().item<double>();
    EXPECT_LE((asked - wanted).abs().max().item<double>(), bound);
    for (int pass = 1; pass <= 3; ++pass) {
      torch::autograd::backward({loss()}, {});
      ASSERT_EQ(w.grad().scalar_type(), at::kFloat);
      EXPECT_LE((w.grad() - pass * wanted).abs().max().item<double>(), pass * bound);
    }
  }
}

TEST(LeafGradient, OfRowsAndOfOneThatIsThere) {
  const at::Tensor table = leaf_of({5, 2}, at::kBFloat16);
  const at::Tensor ids = at::tensor({1, 3, 1}, at::kLong), d = at::ones({3, 2}, at::kBFloat16);
  // Outside of a backward pass nobody's .grad is touched.
  const at::Tensor rows = rows_gradient(table, ids, d);
  EXPECT_TRUE(at::equal(rows.select(1, 0), at::tensor({0.0F, 2.0F, 0.0F, 1.0F, 0.0F})));
  EXPECT_TRUE(at::equal(scaled_gradient(table, rows, at::scalar_tensor(0.5)).select(1, 1),
                        at::tensor({0.0F, 1.0F, 0.0F, 0.5F, 0.0F})));
  EXPECT_FALSE(table.grad().defined());
}

}  // namespace
}  // namespace keel::test
