#include "optim/dither.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "optim/sweep.h"

namespace keel::test {
namespace {

constexpr double kUnit = 1.0 / 128;  // between neighbours of bfloat16 in [1, 2)

double share_at(const at::Tensor& rounded, double value) {
  return rounded.to(at::kDouble).eq(value).to(at::kDouble).mean().item<double>();
}

TEST(Dither, AsManyPlacesMoveAsTheValueIsOfAUnit) {
  constexpr int64_t kPlaces = 100'000;
  for (const double part : {0.01, 0.1, 0.5, 0.9}) {
    for (const double sign : {1.0, -1.0}) {
      const at::Tensor up = dithered(at::full(kPlaces, sign * (1 + part * kUnit), at::kFloat));
      const double moved = share_at(up, sign * (1 + kUnit));
      EXPECT_NEAR(moved, part, 4 * std::sqrt(part * (1 - part) / kPlaces)) << part * sign;
      EXPECT_DOUBLE_EQ(moved + share_at(up, sign), 1);
    }
  }
}

TEST(Dither, WhatBfloat16HasStays) {
  const at::Tensor all = at::arange(1 << 16, at::kInt).to(at::kShort).view(at::kBFloat16);
  const at::Tensor numbers = all.masked_select(at::isfinite(all));
  EXPECT_TRUE(at::equal(dithered(numbers.to(at::kFloat)), numbers));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const at::Tensor odd = dithered(at::tensor({kInfinity, -kInfinity, std::nanf("")}));
  EXPECT_EQ(odd[0].item<float>(), kInfinity);
  EXPECT_EQ(odd[1].item<float>(), -kInfinity);
  EXPECT_TRUE(std::isnan(odd[2].item<float>()));
}

TEST(Dither, APlaceHasOneThresholdForAValueOnItsWay) {
  at::Tensor before = dithered(at::ones(5'000));
  for (int step = 1; step <= 20; ++step) {
    const at::Tensor now = dithered(at::full(5'000, 1 + step * kUnit / 20, at::kFloat));
    EXPECT_FALSE(now.lt(before).any().item<bool>());  // no weight goes back while its master goes on
    before = now;
  }
  EXPECT_EQ(share_at(before, 1 + kUnit), 1);
}

TEST(Dither, EqualsTheComposition) {
  const auto generator = at::detail::createCPUGenerator(3);
  for (const int64_t n : {int64_t{0}, int64_t{7}, kThresholds, 2 * kThresholds + 4321}) {
    const at::Tensor values = at::randn(n, generator, at::kFloat);
    if (n > 6) values[6] = std::numeric_limits<float>::infinity();
    EXPECT_TRUE(at::equal(dithered(values), dithered_composed(values))) << n;
  }
}

}  // namespace
}  // namespace keel::test
