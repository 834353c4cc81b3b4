#include "optim/adamw.h"
#include "optim/sweep_composed.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "optim/dither.h"
#include "support/error_of.h"

namespace keel::test {
namespace {

constexpr double kEps = std::numeric_limits<float>::epsilon();
constexpr double kRate = 0.02;
const OptimOptions kOptions{.weight_decay = 0.1, .adam_beta2 = 0.95};

at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

OptimParameter parameter(const std::string& name, const at::Tensor& values, bool decay = false) {
  return {.name = name, .tensor = values.clone().requires_grad_(), .decay = decay};
}

void set_gradient(const OptimParameter& p, const at::Tensor& gradient) {
  at::Tensor leaf = p.tensor;
  leaf.mutable_grad() = gradient.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

// AdamW in double, one number at a time, straight from the paper with decoupled decay.
struct DoubleAdamW {
  std::vector<double> p, m, v;
  double beta1_product = 1, beta2_product = 1;

  explicit DoubleAdamW(const at::Tensor& start)
      : p(start.data_ptr<float>(), start.data_ptr<float>() + start.numel()), m(p.size()), v(p.size()) {}

  void step(const at::Tensor& gradient, double scale, double decay) {
    beta1_product *= kOptions.adam_beta1;
    beta2_product *= kOptions.adam_beta2;
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = gradient.data_ptr<float>()[i] * scale;
      m[i] = kOptions.adam_beta1 * m[i] + (1 - kOptions.adam_beta1) * g;
      v[i] = kOptions.adam_beta2 * v[i] + (1 - kOptions.adam_beta2) * g * g;
      const double m_hat = m[i] / (1 - beta1_product), v_hat = v[i] / (1 - beta2_product);
      p[i] -= kRate * decay * p[i];
      p[i] -= kRate * m_hat / (std::sqrt(v_hat) + kOptions.adam_epsilon);
    }
  }
};

TEST(AdamW, TenStepsAgainstDouble) {
  const at::Tensor start[] = {random({5, 7}, 1), random({37}, 2)};
  const OptimParameter weight = parameter("weight", start[0], true), norm = parameter("norm", start[1]);
  AdamW optimiser({weight, norm}, kOptions);
  DoubleAdamW wanted_weight(start[0]), wanted_norm(start[1]);
  for (uint64_t step = 0; step < 10; ++step) {
    const at::Tensor g[] = {random({5, 7}, 10 + step), random({37}, 30 + step) * 1e-3};
    const double scale = step % 2 == 0 ? 1.0 : 0.3;
    set_gradient(weight, g[0]);
    set_gradient(norm, g[1]);
    optimiser.step(kRate, scale);
    wanted_weight.step(g[0], scale, kOptions.weight_decay);
    wanted_norm.step(g[1], scale, 0);
  }
  // a step rounds p a few times, and its update (at most about 3·rate) is right to some 16 roundings
  const double bound = 10 * kEps * (2 * 4.0 + 16 * 3 * kRate);
  for (int64_t i = 0; i < 35; ++i) {
    ASSERT_NEAR(weight.tensor.data_ptr<float>()[i], wanted_weight.p[static_cast<size_t>(i)], bound) << i;
  }
  for (int64_t i = 0; i < 37; ++i) {
    ASSERT_NEAR(norm.tensor.data_ptr<float>()[i], wanted_norm.p[static_cast<size_t>(i)], bound) << i;
  }
}

TEST(AdamW, DecayOnlyWhereAsked) {
  const at::Tensor ones = at::ones(9);
  const OptimParameter decayed = parameter("a", ones, true), kept = parameter("b", ones);
  AdamW optimiser({decayed, kept}, kOptions);
  set_gradient(decayed, at::zeros(9));
  set_gradient(kept, at::zeros(9));
  optimiser.step(kRate);
  EXPECT_TRUE(at::equal(decayed.tensor.detach(), ones * static_cast<float>(1 - kRate * 0.1)));
  EXPECT_TRUE(at::equal(kept.tensor.detach(), ones));
}

TEST(AdamW, WithoutAGradientNothingChanges) {
  const OptimParameter a = parameter("a", at::ones(3), true), b = parameter("b", at::ones(3), true);
  AdamW optimiser({a, b}, kOptions);
  set_gradient(a, at::ones(3));
  optimiser.step(kRate);
  EXPECT_LT(a.tensor[0].item<float>(), 1);
  EXPECT_TRUE(at::equal(b.tensor.detach(), at::ones(3)));
  EXPECT_FALSE(a.tensor.grad().defined());  // used up
}

TEST(AdamW, LowerDtypesFollowTheFp32Path) {
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    const at::Tensor start = random({6, 11}, 3).to(dtype);  // numbers that both dtypes have
    const OptimParameter low = parameter("w", start, true);
    const OptimParameter full = parameter("w", start.to(at::kFloat), true);
    AdamW low_optimiser({low}, kOptions), full_optimiser({full}, kOptions);
    for (uint64_t step = 0; step < 5; ++step) {
      const at::Tensor gradient = random({6, 11}, 50 + step).to(dtype);
      set_gradient(low, gradient);
      set_gradient(full, gradient);
      EXPECT_EQ(low_optimiser.gradient_norm(), full_optimiser.gradient_norm());
      low_optimiser.step(kRate);
      full_optimiser.step(kRate);
    }
    EXPECT_TRUE(at::equal(low_optimiser.masters().at("w"), full.tensor.detach()));
    const at::Tensor fine = full.tensor.detach();
    EXPECT_TRUE(at::equal(low.tensor.detach(), dtype == at::kBFloat16 ? dithered(fine) : fine.to(dtype)));
  }
}

// Each is a hundredth of half a unit of bfloat16: rounded to the nearest, none of the ten would be seen.
TEST(AdamW, SmallStepsMoveBfloat16Weights) {
  const OptimParameter p = parameter("w", at::ones(40'000).to(at::kBFloat16));
  AdamW optimiser({p}, {});
  for (int step = 0; step < 10; ++step) {
    set_gradient(p, at::ones(40'000));
    optimiser.step(2e-5);
  }
  const auto mean = [](const at::Tensor& x) { return x.detach().to(at::kDouble).mean().item<double>(); };
  const double moved = 1 - mean(optimiser.masters().at("w"));
  EXPECT_NEAR(moved, 2e-4, 1e-6);
  const double share = moved * 256;  // of the unit below 1
  EXPECT_NEAR(1 - mean(p.tensor), moved, 4 * std::sqrt(share * (1 - share) / 40'000) / 256);
}

TEST(AdamW, GradientsAccumulateInFp32) {
  const OptimParameter p = parameter("w", at::zeros(2).to(at::kBFloat16));
  AdamW optimiser({p}, {});
  for (const double g : {256.0, 1.0, 1.0})  // in bf16 256 + 1 is 256
    torch::autograd::backward({(p.tensor * g).sum()}, {});
  EXPECT_DOUBLE_EQ(optimiser.gradient_norm(), std::sqrt(2.0) * 258);
  optimiser.clear_gradients();
  EXPECT_EQ(optimiser.gradient_norm(), 0);
  set_gradient(p, at::full(2, 3.0f));
  EXPECT_DOUBLE_EQ(optimiser.gradient_norm(), std::sqrt(2.0) * 3);
}

TEST(AdamW, NormOfAllTensorsTogether) {
  const at::Tensor g[] = {random({100003}, 6), random({64}, 7)};
  const OptimParameter a = parameter("a", at::zeros(100003)), b = parameter("b", at::zeros(64));
  AdamW optimiser({a, b}, {});
  EXPECT_EQ(optimiser.gradient_norm(), 0);
  set_gradient(a, g[0]);
  set_gradient(b, g[1]);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double one = optimiser.gradient_norm();
  at::set_num_threads(2);
  EXPECT_EQ(optimiser.gradient_norm(), one);
  at::set_num_threads(threads);
  const at::Tensor squares = at::cat({g[0], g[1]}).to(at::kDouble).pow(2).sum();
  EXPECT_NEAR(one, std::sqrt(squares.item<double>()), 1e-12 * one);
  set_gradient(b, at::full(64, std::numeric_limits<float>::quiet_NaN()));
  EXPECT_TRUE(std::isnan(optimiser.gradient_norm()));
}

TEST(AdamW, TransposedGradientIsReadByItsIndices) {
  const OptimParameter a = parameter("a", at::zeros({3, 5})), b = parameter("a", at::zeros({3, 5}));
  AdamW first({a}, kOptions), second({b}, kOptions);
  const at::Tensor gradient = random({5, 3}, 8).t();
  at::Tensor leaf = a.tensor;
  leaf.mutable_grad() = gradient;
  set_gradient(b, gradient.contiguous());
  first.step(kRate);
  second.step(kRate);
  EXPECT_TRUE(at::equal(a.tensor.detach(), b.tensor.detach()));
}

// Gradients of a step are a function of its number, so a run can be cut anywhere.
void run_steps(AdamW& optimiser, const OptimParameter& p, uint64_t from, uint64_t to) {
  for (uint64_t step = from; step < to; ++step) {
    set_gradient(p, random({40}, 100 + step));
    optimiser.step(kRate, 1, 0.5);
  }
}

TEST(AdamW, SavedStateContinuesBitForBit) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor start = random({40}, 9).to(dtype);
    const OptimParameter straight = parameter("w", start, true);
    AdamW one({straight}, kOptions);
    run_steps(one, straight, 0, 6);

    const OptimParameter before = parameter("w", start, true);
    AdamW two({before}, kOptions);
    run_steps(two, before, 0, 3);
    const OptimParameter after = parameter("w", at::zeros(40).to(dtype), true);
    AdamW three({after}, kOptions);
    three.load_state(two.state());
    EXPECT_TRUE(at::equal(after.tensor.detach(), before.tensor.detach()));
    run_steps(three, after, 3, 6);
    EXPECT_TRUE(at::equal(after.tensor.detach(), straight.tensor.detach()));
    const auto wanted = one.state();
    for (const auto& [name, value] : three.state()) EXPECT_TRUE(at::equal(value, wanted.at(name))) << name;
  }
}

TEST(AdamW, ForeignStateIsRefusedAndChangesNothing) {
  const OptimParameter p = parameter("w", at::ones(4)), other = parameter("w", at::ones(5));
  AdamW optimiser({p}, kOptions), foreign({other}, kOptions);
  const auto message = [&](const std::map<std::string, at::Tensor>& state) {
    const ErrorText error = error_text_of([&] { optimiser.load_state(state); });
    return error.where + ": " + error.found + "; " + error.wanted;
  };
  EXPECT_EQ(message(foreign.state()), "optimiser state: master.w of shape [5]; shape [4]");
  auto cut = optimiser.state();
  cut["master.w"] = at::zeros(4);
  cut.erase("exp_avg_sq.w");
  EXPECT_EQ(message(cut),
            "optimiser state: no tensor exp_avg_sq.w; the state of a run over the same trained tensors");
  EXPECT_TRUE(at::equal(p.tensor.detach(), at::ones(4)));
}

// Two steps with half a power each leave the second moment where one whole step does.
TEST(AdamW, Beta2PowerKeepsTheHalfLife) {
  const OptimParameter whole = parameter("w", at::zeros(3)), halves = parameter("w", at::zeros(3));
  AdamW one({whole}, kOptions), two({halves}, kOptions);
  const at::Tensor gradient = at::tensor({0.5f, -2.0f, 3.0f});
  set_gradient(whole, gradient);
  one.step(kRate);
  for (int i = 0; i < 2; ++i) {
    set_gradient(halves, gradient);
    two.step(kRate, 1, 0.5);
  }
  const at::Tensor a = one.state().at("exp_avg_sq.w"), b = two.state().at("exp_avg_sq.w");
  EXPECT_LE(((a - b).abs() / a).max().item<double>(), 8 * kEps);
  // with a constant gradient every corrected moment is the gradient itself, so each step moves by the rate
  EXPECT_LE((halves.tensor.detach().abs() - 2 * kRate).abs().max().item<double>(), 16 * kEps);
}

// What other devices than the CPU run. Both round each of their few operations once.
TEST(Sweep, EqualsTheComposition) {
  const SweepTensors own{random({999}, 1), random({999}, 2), random({999}, 3), random({999}, 4).square()};
  const SweepTensors other{own.parameter.clone(), own.gradient.clone(), own.first.clone(),
                           own.second.clone()};
  const SweepStep s{.gradient_scale = 0.7f,
                    .keep = 0.99f,
                    .one_minus_beta1 = 0.1f,
                    .beta2 = 0.95f,
                    .one_minus_beta2 = 0.05f,
                    .step_size = 0.03f,
                    .root_scale = 1.3f,
                    .epsilon = 1e-8f};
  sweep({.parameter = own.parameter.data_ptr<float>(),
         .gradient = own.gradient.data_ptr<float>(),
         .first = own.first.data_ptr<float>(),
         .second = own.second.data_ptr<float>()},
        999, s);
  sweep_composed(other, s);
  const auto expect_close = [](const at::Tensor& a, const at::Tensor& b) {
    EXPECT_LE(((a - b).abs() / (b.abs() + 1)).max().item<double>(), 8 * kEps);
  };
  expect_close(other.first, own.first);
  expect_close(other.second, own.second);
  // m / √v may be large where v is small: its share of the bound grows with it
  const at::Tensor update = own.first.abs() * s.step_size / own.second.sqrt();
  EXPECT_LE(((other.parameter - own.parameter).abs() / (own.parameter.abs() + update)).max().item<double>(),
            16 * kEps);
}

TEST(AdamW, RefusesWhatItCannotSweep) {
  const OptimParameter transposed{.name = "w", .tensor = at::ones({3, 2}).t()};
  EXPECT_THROW(AdamW({transposed}, kOptions), BugError);
  const OptimParameter whole_numbers{.name = "w", .tensor = at::ones(3, at::kLong)};
  EXPECT_THROW(AdamW({whole_numbers}, kOptions), BugError);
}

}  // namespace
}  // namespace keel::test
