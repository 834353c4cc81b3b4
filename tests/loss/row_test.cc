#include "loss/row.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "loss/kernel.h"
#include "loss_reference.h"

namespace keel::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Row, ExponentialIsWithinTwoUlp) {
  std::vector<float> logits = {0};
  for (double d = 0; d < 87; d += 1e-3) logits.push_back(static_cast<float>(-d));
  std::vector<float> exps(logits.size());
  sum_row(logits.data(), exps.data(), static_cast<int64_t>(logits.size()));
  EXPECT_EQ(exps[0], 1.0f);
  for (size_t i = 0; i < logits.size(); ++i) {
    const double exact = std::exp(static_cast<double>(logits[i]));
    const double ulp = std::nextafter(static_cast<float>(exact), kInf) - static_cast<float>(exact);
    ASSERT_LE(std::abs(exps[i] - exact), 2 * ulp) << logits[i];
  }
}

TEST(Row, SumsOfEveryLength) {
  auto generator = at::detail::createCPUGenerator(3);
  for (const int64_t V : {1, 2, 7, 8, 31, 1023, 1024, 1025, 5000}) {
    const at::Tensor logits = at::randn({V}, generator, at::kFloat) * 4;
    std::vector<float> exps(static_cast<size_t>(V));
    const RowSums sums = sum_row(logits.data_ptr<float>(), exps.data(), V);
    const at::Tensor d = logits.to(at::kDouble) - logits.max().to(at::kDouble);
    // 1024 floats of a block are summed in fp32; each exp carries 2 ulp and half an ulp of d times |d|
    const double relative = (1024 + 40) * kEps;
    EXPECT_EQ(sums.max, logits.max().item<float>());
    EXPECT_NEAR(sums.e, d.exp().sum().item<double>(), relative * sums.e) << V;
    EXPECT_NEAR(sums.ed, (d * d.exp()).sum().item<double>(), relative * (std::abs(sums.ed) + sums.e)) << V;
    EXPECT_NEAR(sums.e2, (2 * d).exp().sum().item<double>(), relative * sums.e2) << V;
  }
}

TEST(Row, ForbiddenWordsHaveProbabilityZero) {
  const std::vector<float> logits = {-kInf, 1, -kInf, 1, -1000};
  std::vector<float> exps(5);
  const RowSums sums = sum_row(logits.data(), exps.data(), 5);
  EXPECT_EQ(exps, (std::vector<float>{0, 1, 0, 1, 0}));
  EXPECT_EQ(sums.e, 2);
  EXPECT_EQ(sums.ed, 0);
}

TEST(Row, NanAndInfinityAreSeenWhereverTheyAre) {
  for (const float bad : {kNan, kInf, -kNan}) {
    for (size_t place = 0; place < 41; ++place) {
      std::vector<float> logits(41, 0.5f), exps(41);
      logits[place] = bad;
      ASSERT_TRUE(std::isnan(sum_row(logits.data(), exps.data(), 41).e)) << bad << " at " << place;
    }
  }
}

TEST(Row, Bf16RoundsAsLibtorchDoes) {
  std::vector<float> values = {0,       -0.0f,   1,   1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1.8p-8f,
                               -1e-38f, 3.4e38f, kInf};
  auto generator = at::detail::createCPUGenerator(4);
  const at::Tensor more = at::randn({1000}, generator, at::kFloat);
  values.insert(values.end(), more.data_ptr<float>(), more.data_ptr<float>() + 1000);
  std::vector<Bf16> out(values.size());
  scale_row(values.data(), out.data(), static_cast<int64_t>(values.size()), 1);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(out[i].bits, c10::BFloat16(values[i]).x) << values[i];
    ASSERT_EQ(to_float(out[i]), static_cast<float>(c10::BFloat16(values[i])));
  }
  scale_row(&kNan, out.data(), 1, 1);
  EXPECT_TRUE(std::isnan(to_float(out[0])));
}

// The row pass on its own gives the same bits with one thread and with more.
TEST(RowPass, DoesNotDependOnThreads) {
  const int64_t C = 33, V = 4099;
  const Problem p = random_problem(C, 4, V);
  const LossOptions options;
  const auto run = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    at::Tensor logits = at::linspace(-9, 5, C * V).reshape({C, V}).sin() * 7;
    std::vector<float> nll(C), entropy(C), weight(C);
    std::vector<double> loss(C);
    row_pass(logits, {.labels = p.labels_N.data_ptr<int64_t>(),
                      .coefficient = p.coefficient_N.data_ptr<float>(),
                      .end_of_turn = p.end_of_turn_N.data_ptr<bool>(),
                      .nll = nll.data(),
                      .entropy = entropy.data(),
                      .weight = weight.data(),
                      .loss = loss.data(),
                      .weighting = &find_weighting("nlirg"),
                      .options = &options,
                      .gradient = true});
    at::set_num_threads(before);
    return std::tuple(logits, nll, entropy, weight, loss);
  };
  const auto one = run(1), two = run(2);
  EXPECT_TRUE(at::equal(std::get<0>(one), std::get<0>(two)));
  EXPECT_EQ(std::get<1>(one), std::get<1>(two));
  EXPECT_EQ(std::get<2>(one), std::get<2>(two));
  EXPECT_EQ(std::get<3>(one), std::get<3>(two));
  EXPECT_EQ(std::get<4>(one), std::get<4>(two));
}

}  // namespace
}  // namespace keel::test
