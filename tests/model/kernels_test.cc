// The own loops with their hand-written gradients against compositions of ATen operators.
#include "golden.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>

#include "model/activation.h"
#include "model/attention.h"
#include "model/joined_linear.h"
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
    at::manual_seed(7);
    const auto random = [&] { return at::randn({70, 301}).to(dtype.type); };
    const at::Tensor gate = random().requires_grad_(true), up = random().requires_grad_(true), dy = random();
    const at::Tensor composed = swiglu_composed(gate, up);
    expect_near(swiglu_rows(gate, up), composed, dtype.relative, "swiglu");
    composed.backward(dy);
    const SwigluGradients own = swiglu_gradients(dy, gate, up);
    expect_near(own.gate, gate.grad(), 2 * dtype.relative, "gradient of gate");
    expect_near(own.up, up.grad(), 2 * dtype.relative, "gradient of up");
  }
}

TEST(Swiglu, IsRightFarFromZero) {
  const at::Tensor gate = at::tensor({-200.0f, -90.0f, -20.0f, 0.0f, 20.0f, 90.0f, 200.0f});
  expect_near(swiglu_rows(gate, at::ones(7)), at::silu(gate), 1e-6, "silu");
  EXPECT_TRUE(at::isnan(swiglu_rows(at::full({1}, NAN), at::ones(1))).item<bool>());
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

// What blocks add to the same keys is added in an order of its own.
TEST(Attention, ThreadsDoNotChangeABit) {
  const int before = at::get_num_threads();
  const Segments segments = make_segments({0, 1, 30, 730}, 730, at::kCPU);
  for (const int64_t heads : {1, 2}) {
    at::manual_seed(8);
    const at::Tensor q = at::randn({heads, 730 * 3, 16}), k = at::randn({heads, 730, 16});
    const at::Tensor v = at::randn({730, heads * 16}), dy = at::randn({730, heads * 3 * 16});
    const auto run = [&](int threads) {
      at::set_num_threads(threads);
      std::vector<at::Tensor> x;
      for (const at::Tensor& t : {q, k, v}) x.push_back(t.clone().requires_grad_(true));
      const at::Tensor y = attention({x[0], x[1], x[2]}, segments);
      y.backward(dy);
      return std::vector<at::Tensor>{y.detach(), x[0].grad(), x[1].grad(), x[2].grad()};
    };
    const auto one = run(1), two = run(2), three = run(3);
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(one[i].equal(two[i]) && one[i].equal(three[i])) << heads << " heads, tensor " << i;
  }
  at::set_num_threads(before);
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

// A linear layer of the tensors v[at ..]: weight, bias where it has one, A and B where it has an adapter.
struct LinearParts {
  bool bias = false, adapter = false;
  double dropout = 0;
  std::vector<std::vector<int64_t>> shapes(int64_t inputs, int64_t outputs, int64_t rank) const {
    std::vector<std::vector<int64_t>> out = {{outputs, inputs}};
    if (bias) out.push_back({outputs});
    if (adapter) out.insert(out.end(), {{rank, inputs}, {outputs, rank}});
    return out;
  }
  Linear made_of(const std::vector<at::Tensor>& v, size_t& at) const {
    Linear out{.name = "l", .weight_OI = v[at++], .bias_O = bias ? v[at++] : at::Tensor(), .adapter = {}};
    if (adapter) {
      out.adapter = LowRank{.a_rI = v[at], .b_Or = v[at + 1], .scale = 0.5, .dropout = dropout, .index = at};
      at += 2;
    }
    return out;
  }
};
const std::vector<LinearParts> kLinearParts = {{},
                                               {.bias = true},
                                               {.adapter = true},
                                               {.bias = true, .adapter = true},
                                               {.adapter = true, .dropout = 0.4}};
constexpr ForwardMode kTraining{.training = true, .dropout_key = 9};

using Many = decltype(&normed_linears);
using Gated = decltype(&add_gated_linear);

// Three layers over one norm: all of one make, and of several. 21 rows and 32 inputs: few_rows takes them.
TEST(JoinedLinear, NormedEqualsTheComposition) {
  std::vector<std::vector<LinearParts>> cases = {{kLinearParts[0], kLinearParts[2], kLinearParts[3]}};
  for (const LinearParts& parts : kLinearParts) cases.push_back({parts, parts, parts});
  for (const Dtype dtype : kBoth) {
    for (size_t c = 0; c < cases.size(); ++c) {
      std::vector<std::vector<int64_t>> shapes = {{21, 32}, {32}};
      for (size_t i = 0; i < 3; ++i) {
        const auto more = cases[c][i].shapes(32, 10 + 3 * static_cast<int64_t>(i), 4);
        shapes.insert(shapes.end(), more.begin(), more.end());
      }
      const auto by = [&](Many many) {
        return [&, many](const std::vector<at::Tensor>& v) {
          size_t at = 2;
          std::vector<Linear> linears;
          for (const LinearParts& parts : cases[c]) linears.push_back(parts.made_of(v, at));
          const std::array<const Linear*, 3> all = {&linears[0], &linears[1], &linears[2]};
          return at::cat(many(v[0], v[1], 1e-5, all, kTraining), 1);
        };
      };
      expect_same(by(&normed_linears), by(&normed_linears_composed), shapes, dtype,
                  fmt::format("case {}", c));
    }
  }
}

TEST(JoinedLinear, AddedAndGatedEqualTheComposition) {
  for (const Dtype dtype : kBoth) {
    for (const LinearParts& parts : kLinearParts) {
      std::vector<std::vector<int64_t>> shapes = {{21, 11}, {21, 32}, {21, 32}};
      const auto more = parts.shapes(32, 11, 4);
      shapes.insert(shapes.end(), more.begin(), more.end());
      const auto gated = [&](Gated f) {
        return [&, f](const std::vector<at::Tensor>& v) {
          size_t at = 3;
          return f(v[0], v[1], v[2], parts.made_of(v, at), kTraining);
        };
      };
      const std::string what =
          fmt::format("bias {}, adapter {}, dropout {}", parts.bias, parts.adapter, parts.dropout);
      expect_same(gated(&add_gated_linear), gated(&add_gated_linear_composed), shapes, dtype, what);
      const auto added = [&](bool own) {
        return [&, own](const std::vector<at::Tensor>& v) {
          size_t at = 3;
          const Linear linear = parts.made_of(v, at);
          const at::Tensor y =
              own ? add_linear(v[0], v[1], linear, kTraining) : v[0] + linear(v[1], kTraining);
          return y + 0 * v[2].slice(1, 0, 11);
        };
      };
      expect_same(added(true), added(false), shapes, dtype, what);
    }
  }
}

// What is frozen gets no gradient, and an input that needs none is not asked for one.
TEST(JoinedLinear, TrainsOnlyWhatIsTrained) {
  const at::Tensor x = at::randn({5, 6}), norm = at::ones({6}), weight = at::randn({4, 6});
  Linear linear{.name = "l", .weight_OI = weight, .bias_O = {}, .adapter = {}};
  const Linear* const one = &linear;
  EXPECT_FALSE(normed_linears(x, norm, 1e-5, {&one, 1}, {})[0].requires_grad());
  linear.adapter = LowRank{.a_rI = at::randn({2, 6}).requires_grad_(true),
                           .b_Or = at::randn({4, 2}).requires_grad_(true),
                           .scale = 2};
  normed_linears(x, norm, 1e-5, {&one, 1}, {})[0].sum().backward();
  EXPECT_FALSE(weight.grad().defined());
  EXPECT_TRUE(linear.adapter->a_rI.grad().defined());
  EXPECT_TRUE(linear.adapter->b_Or.grad().defined());
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
