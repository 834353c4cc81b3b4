// Weights between two models: both ends bit for bit, the middle by the formula, adapters by their scale.
#include "model/interpolate.h"

#include <gmock/gmock.h>

#include <limits>

#include "checkpoint/adapter_folder.h"
#include "golden.h"
#include "model/lora.h"
#include "support/error_of.h"

namespace keel::test {
namespace {

using Weights = std::map<std::string, at::Tensor>;

Weights random_weights(uint64_t seed, at::ScalarType type) {
  at::manual_seed(seed);
  return {{"head", at::randn({7, 5}).to(type)}, {"norm", at::randn({5}).to(type)}};
}

class Interpolated : public testing::TestWithParam<at::ScalarType> {
 protected:
  Weights base_ = random_weights(1, GetParam()), trained_ = random_weights(2, GetParam());
};

INSTANTIATE_TEST_SUITE_P(Types, Interpolated, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

TEST_P(Interpolated, EndsAreTheTwoModelsBitForBit) {
  base_["head"][0][0] = std::numeric_limits<double>::infinity();  // nothing is computed with it there
  for (const auto& [name, tensor] : interpolated(base_, trained_, 0))
    EXPECT_TRUE(at::equal(tensor, base_.at(name))) << name;
  for (const auto& [name, tensor] : interpolated(base_, trained_, 1))
    EXPECT_TRUE(at::equal(tensor, trained_.at(name))) << name;
}

// Two roundings in fp32 of numbers below 2·max, one to the type of the file.
TEST_P(Interpolated, BetweenIsTheFormula) {
  const double to_type = GetParam() == at::kBFloat16 ? 0x1p-8 : GetParam() == at::kHalf ? 0x1p-11 : 0x1p-24;
  for (const double share : {0.25, 0.7}) {
    for (const auto& [name, tensor] : interpolated(base_, trained_, share)) {
      EXPECT_EQ(tensor.scalar_type(), GetParam());
      const at::Tensor a = base_.at(name).to(at::kDouble), b = trained_.at(name).to(at::kDouble);
      const at::Tensor wanted = a * (1 - share) + b * share;
      const double largest = at::maximum(a.abs(), b.abs()).max().item<double>();
      const at::Tensor bound = wanted.abs() * to_type + largest * 0x1p-21;
      EXPECT_TRUE(((tensor.to(at::kDouble) - wanted).abs() <= bound).all().item<bool>()) << name << share;
    }
  }
}

TEST_P(Interpolated, NewRowsBeginAsTheMeanRow) {
  trained_["head"] = at::cat({trained_["head"], at::ones({2, 5}, GetParam())});
  const Weights start = interpolated(base_, trained_, 0);
  EXPECT_TRUE(at::equal(start.at("head"), with_mean_rows(base_.at("head"), 2)));
}

TEST(InterpolatedRefusal, AnotherModelIsNamed) {
  const Weights base = random_weights(1, at::kFloat);
  Weights other = random_weights(2, at::kFloat);
  other["norm"] = at::ones({6});
  EXPECT_EQ(error_of([&] { interpolated(base, other, 0.5); }),
            "interpolate: norm of shape 5 in the base model, 6 in the trained one\n"
            "  wanted: the model that training began with");
  other = {{"tail", at::ones({1})}};
  EXPECT_EQ(error_of([&] { interpolated(base, other, 0.5); }),
            "interpolate: no tensor tail in the base model\n  wanted: the model that training began with");
}

// Folded into the base, the scaled adapter is the mixture of the base and of the whole adapter.
TEST(InterpolatedAdapter, IsTheMixtureOfTheMergedModels) {
  for (const char* name : {"llama-all-linear", "qwen3-qv-rslora"}) {
    const auto dir = golden_dir() / "lora" / name;
    const AdapterFolder folder = AdapterFolder::open(dir.string());
    const AdapterWeights adapter{.config = folder.config, .tensors = folder.tensors()};
    const std::string base_name = read_json(dir / "golden.json")["base"].get<std::string>();
    const Weights base = HfFolder::open(golden_dir() / base_name).tensors(),
                  whole = merge_lora(base, adapter);
    const auto folded = [&](double share) { return merge_lora(base, interpolated(adapter, share)); };
    double moved = 0;
    for (const auto& [tensor, value] : folded(0.5)) {
      expect_near(value, (base.at(tensor) + whole.at(tensor)) / 2, 1e-6, tensor);
      moved = std::max(moved, (value - base.at(tensor)).abs().max().item<double>());
    }
    EXPECT_GT(moved, 1e-3);
  }
}

}  // namespace
}  // namespace keel::test
