// The own loops with their hand-written gradients against compositions of ATen operators.
#include "golden.h"

#include <torch/csrc/autograd/autograd.h>

#include "model/activation.h"
#include "model/attention.h"
#include "model/norm.h"
#include "model/recompute.h"
#include "model/rope.h"

namespace keel::test {
namespace {

struct Dtype {
  at::ScalarType type;
  double relative;  // of the largest value: fp32 sums of a few hundred terms; bf16 a few roundings of 2^-9
};
const std::vector<Dtype> kBoth = {{at::kFloat, 1e-5}, {at::kBFloat16, 4 * 0x1p-8}};

using Op = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// Output and all gradients of both, for random inputs of these shapes.
void expect_same(const Op& own, const Op& composed, const std::vector<std::vector<int64_t>>& shapes,
                 Dtype dtype, const std::string& what) {
  at::manual_seed(7);
  std::vector<at::Tensor> a, b;
  for (const auto& shape : shapes) {
    const at::Tensor value = at::randn(shape).to(dtype.type);
    a.push_back(value.clone().requires_grad_(true));
    b.push_back(value.clone().requires_grad_(true));
  }
  const at::Tensor ya = own(a), yb = composed(b);
  expect_near(ya, yb, dtype.relative, what);
  const at::Tensor weight = at::randn(ya.sizes()).to(dtype.type);
  ya.backward(weight);
  yb.backward(weight);
  for (size_t i = 0; i < a.size(); ++i) {
    expect_near(a[i].grad(), b[i].grad(), 2 * dtype.relative, fmt::format("{}, gradient {}", what, i));
  }
}

TEST(RmsNorm, EqualsTheComposition) {
  for (const Dtype dtype : kBoth) {
    for (const auto& [rows, width] : {std::pair{1, 8}, {200, 33}, {65, 576}}) {
      expect_same([](const auto& v) { return rms_norm(v[0], v[1], 1e-5); },
                  [](const auto& v) { return rms_norm_composed(v[0], v[1], 1e-5); }, {{rows, width}, {width}},
                  dtype, fmt::format("{}x{}", rows, width));
    }
  }
}

TEST(Swiglu, EqualsTheComposition) {
  for (const Dtype dtype : kBoth) {
    expect_same([](const auto& v) { return swiglu(v[0], v[1]); },
                [](const auto& v) { return swiglu_composed(v[0], v[1]); }, {{70, 301}, {70, 301}}, dtype,
                "swiglu");
  }
}

TEST(Swiglu, IsRightFarFromZero) {
  const at::Tensor gate = at::tensor({-200.0f, -90.0f, -20.0f, 0.0f, 20.0f, 90.0f, 200.0f});
  expect_near(swiglu(gate, at::ones(7)), at::silu(gate), 1e-6, "silu");
  EXPECT_TRUE(at::isnan(swiglu(at::full({1}, NAN), at::ones(1))).item<bool>());
}

TEST(Rope, EqualsTheComposition) {
  const Segments segments = make_segments_behind({0, 7, 3}, {0, 5, 6, 40}, 40, at::kCPU, {});
  RopeTable table({}, 12, at::kCPU);
  const RopeAngles angles = table.for_positions(segments.end_position);
  for (const Dtype dtype : kBoth) {
    for (const int64_t group : {1, 3}) {
      expect_same([&](const auto& v) { return rope_to_heads(v[0], angles, segments, 2, 12); },
                  [&](const auto& v) { return rope_to_heads_composed(v[0], angles, segments, 2, 12); },
                  {{40, 2 * group * 12}}, dtype, fmt::format("group {}", group));
    }
  }
}

TEST(Attention, EqualsTheComposition) {
  // More than one block of queries, a segment of one token, windows shorter and longer than a segment.
  const Segments segments = make_segments({0, 1, 30, 330}, 330, at::kCPU);
  for (const Dtype dtype : kBoth) {
    for (const int64_t window : {0, 2, 20, 150, 1000}) {
      for (const int64_t group : {1, 3}) {
        expect_same(
            [&](const auto& v) {
              return attention({v[0], v[1], v[2], window}, segments);
            },
            [&](const auto& v) {
              return attention_composed({v[0], v[1], v[2], window}, segments);
            },
            {{2, 330 * group, 16}, {2, 330, 16}, {330, 2 * 16}}, dtype,
            fmt::format("window {}, group {}", window, group));
      }
    }
  }
}

// The last tokens behind constant keys and values: as in the whole, where those in front have no gradient.
TEST(Attention, BehindConstantKeysEqualsTheWhole) {
  constexpr int64_t kTokens = 330, kWidth = 16;
  for (const Dtype dtype : kBoth) {
    at::manual_seed(5);
    const Segments whole = make_segments({0, kTokens}, kTokens, at::kCPU);
    const at::Tensor k = at::randn({2, kTokens, kWidth}).to(dtype.type), v = at::randn_like(k);
    for (const auto& [own, window, group] :
         {std::tuple{1, 0, 1}, {1, 5, 3}, {130, 0, 3}, {130, 20, 1}, {130, 200, 3}, {130, 1000, 1}}) {
      const int64_t past = kTokens - own;
      const Segments behind = make_segments_behind({past}, {0, own}, own, at::kCPU, {});
      const auto attended = [&, own = own, window = window](const auto& attend) {
        return [&, own, window, attend](const std::vector<at::Tensor>& x) {
          const at::Tensor own_v = x[2].detach().view({own, 2, kWidth}).transpose(0, 1);
          const KeysValues all{at::cat({k.slice(1, 0, past), x[1].detach()}, 1),
                               at::cat({v.slice(1, 0, past), own_v}, 1)};
          return attend(AttentionInput{x[0], x[1], x[2], window, all}, behind);
        };
      };
      const auto in_the_whole = [&, group = group, window = window](const std::vector<at::Tensor>& x) {
        const at::Tensor q = at::cat({at::ones({2, past * group, kWidth}, x[0].options()), x[0]}, 1);
        const at::Tensor v_TE = v.slice(1, 0, past).transpose(0, 1).reshape({past, -1});
        const AttentionInput input{q, at::cat({k.slice(1, 0, past), x[1]}, 1), at::cat({v_TE, x[2]}), window};
        return attention_composed(input, whole).slice(0, past);
      };
      const std::vector<std::vector<int64_t>> shapes = {
          {2, own * group, kWidth}, {2, own, kWidth}, {own, 2 * kWidth}};
      const std::string what = fmt::format("{} tokens, window {}, group {}", own, window, group);
      expect_same(attended(attention), in_the_whole, shapes, dtype, what);
      expect_same(attended(attention_composed), in_the_whole, shapes, dtype, what + ", composed");
    }
  }
}

TEST(Attention, CachedEqualsTheWhole) {
  at::manual_seed(3);
  const int64_t tokens = 300, group = 3;
  const Segments whole = make_segments({0, tokens}, tokens, at::kCPU);
  for (const Dtype dtype : kBoth) {
    const at::Tensor q = at::randn({2, tokens * group, 16}).to(dtype.type);
    const at::Tensor k = at::randn({2, tokens, 16}).to(dtype.type),
                     v = at::randn({2, tokens, 16}).to(dtype.type);
    for (const int64_t window : {0, 40}) {
      const at::Tensor expected =
          attention_composed({q, k, v.transpose(0, 1).reshape({tokens, -1}), window}, whole);
      for (const int64_t fresh : {1, 2, 140, 300}) {
        const at::Tensor found = attend_cached(q.slice(1, (tokens - fresh) * group), k, v, group, window);
        expect_near(found, expected.slice(0, tokens - fresh), dtype.relative,
                    fmt::format("{} fresh tokens, window {}", fresh, window));
      }
    }
  }
}

TEST(KeyedDropout, KeepsTheShareAndRepeatsTheMask) {
  const at::Tensor x = at::ones({400, 500}).requires_grad_(true);
  const at::Tensor y = keyed_dropout(x, 0.25, 11);
  const double n = 200000, kept = (y != 0).sum().item<double>() / n;
  EXPECT_NEAR(kept, 0.75, 5 * std::sqrt(0.25 * 0.75 / n));  // five standard deviations
  EXPECT_TRUE(y.detach().equal(at::where(y != 0, 1 / 0.75, 0.0).to(at::kFloat)));
  EXPECT_TRUE(keyed_dropout(x, 0.25, 11).equal(y));
  EXPECT_FALSE(keyed_dropout(x, 0.25, 12).equal(y));
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(y.detach()));  // the input is one, so both are the mask
}

TEST(Recomputed, GivesGradientsOfLeavesWhenTheInputNeedsNone) {
  const at::Tensor w = at::full({3}, 2.0).requires_grad_(true), x = at::ones(3);
  const auto square = [w](const at::Tensor& in) { return in * w * w; };
  recomputed(square, x, true).sum().backward();
  EXPECT_TRUE(w.grad().equal(at::full({3}, 4.0)));
  EXPECT_FALSE(recomputed(square, x, false).requires_grad());
}

}  // namespace
}  // namespace keel::test
