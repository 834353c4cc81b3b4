#include "train/step.h"

#include <ATen/core/grad_mode.h>

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "checkpoint/tensors.h"
#include "train/tiny.h"
#include "train/window.h"

namespace keel {
namespace {

const StepOptions kPlain{.loss = {.token_weighting = "none"}, .max_grad_norm = 1.0};
const OptimOptions kGoldenOptim{.weight_decay = 0.1};

class GoldenSteps : public testing::TestWithParam<const char*> {};

// Ten AdamW steps against transformers. The tolerance is a few roundings' worth: `one_rounding` says how far
// the run moves when every weight starts one fp32 epsilon off.
TEST_P(GoldenSteps, LossesNormsAndWeightsFollowTransformers) {
  test::Tiny tiny(GetParam());
  AdamW optimiser(test::trained(*tiny.model), kGoldenOptim);
  Step step(*tiny.model, optimiser, kPlain);
  const Json& want = tiny.golden["train"];
  const Json& unit = want["one_rounding"];
  for (size_t i = 0; i < want["losses"].size(); ++i) {
    const std::vector<Batch> micro{tiny.batch({0, 1})};
    const StepOutcome got = step.run(micro, {.learning_rate = 1e-3});
    EXPECT_NEAR(got.loss, want["losses"][i].get<double>(),
                8 * std::max(unit["losses"].get<double>(), 1e-7 * got.loss))
        << "step " << i;
    EXPECT_NEAR(got.grad_norm, want["grad_norms"][i].get<double>(),
                8 * std::max(unit["grad_norms"].get<double>(), 2e-7 * got.grad_norm))
        << "step " << i;
  }
  const TensorMap golden = load_safetensors(test::golden_dir() / GetParam() / "golden.safetensors");
  int compared = 0;
  for (const Parameter& p : tiny.model->parameters()) {
    const auto it = golden.find("final." + p.name);
    if (it == golden.end()) continue;
    ++compared;
    EXPECT_LT((p.tensor.detach() - it->second).abs().max().item<double>(),
              8 * unit["parameters"].get<double>())
        << p.name;
  }
  EXPECT_GE(compared, 2);
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenSteps,
                         testing::Values("llama", "llama3-rope", "llama-mha-oldkeys", "mistral", "qwen2",
                                         "qwen3"));

// Gradients of one step's loss however its samples are dealt out to micro-batches.
std::map<std::string, at::Tensor> gradients(const std::vector<std::vector<size_t>>& split,
                                            const std::string& weighting) {
  test::Tiny tiny("llama");
  AdamW optimiser(test::trained(*tiny.model), {});
  // No update (rate 0), and the gradients are read before they are cleared: from the moments after one step,
  // m = 0.1 g.
  Step step(*tiny.model, optimiser, {.loss = {.token_weighting = weighting}, .max_grad_norm = 0});
  std::vector<Batch> micro;
  for (const auto& members : split) micro.push_back(tiny.batch(members));
  step.run(micro, {.learning_rate = 0});
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, value] : optimiser.state()) {
    if (name.starts_with("exp_avg.")) out[name] = value.clone();
  }
  return out;
}

TEST(Step, PackedEqualsAccumulatedEqualsOneByOne) {
  for (const char* weighting : {"none", "nlirg", "dft"}) {
    const auto packed = gradients({{0, 1, 0, 1}}, weighting);
    ASSERT_FALSE(packed.empty());
    for (const auto& split : std::vector<std::vector<std::vector<size_t>>>{
             {{0, 1}, {0, 1}}, {{0}, {1}, {0}, {1}}, {{0, 0, 1}, {1}}}) {
      const auto other = gradients(split, weighting);
      double difference = 0, norm = 0;
      for (const auto& [name, value] : packed) {
        difference += (value - other.at(name)).square().sum(at::kDouble).item<double>();
        norm += value.square().sum(at::kDouble).item<double>();
      }
      EXPECT_LE(std::sqrt(difference), 1e-6 * std::sqrt(norm)) << weighting;  // eight roundings of fp32
    }
  }
}

TEST(Step, WithoutALabelIsAnError) {
  test::Tiny tiny("llama");
  for (Example& e : tiny.examples) std::fill(e.weight.begin(), e.weight.end(), 0.0F);
  AdamW optimiser(test::trained(*tiny.model), {});
  Step step(*tiny.model, optimiser, kPlain);
  const std::vector<Batch> micro{tiny.batch({0})};
  EXPECT_THROW(step.run(micro, {}), UserError);
}

TEST(Step, NonFiniteGradientLeavesTheWeights) {
  test::Tiny tiny("llama");
  AdamW optimiser(test::trained(*tiny.model), {});
  Step step(*tiny.model, optimiser, kPlain);
  Batch batch = tiny.batch({0});
  batch.coefficient_N[0] = NAN;
  const at::Tensor before = tiny.model->parameters().front().tensor.detach().clone();
  const StepOutcome out = step.run(std::span(&batch, 1), {.learning_rate = 1});
  EXPECT_FALSE(out.finite());
  EXPECT_TRUE(before.equal(tiny.model->parameters().front().tensor.detach()));
}

// weighting_control: scaled is plain SFT whose learning rate is multiplied by the step's mean weight.
TEST(Step, ScaledMovesByTheMeanWeight) {
  const auto moved = [](const StepOptions& options, double rate, double& weight) {
    test::Tiny tiny("llama");
    AdamW optimiser(test::trained(*tiny.model), {.weight_decay = 0});
    const std::vector<Batch> micro{tiny.batch({0}), tiny.batch({1})};
    weight = Step(*tiny.model, optimiser, options).run(micro, {.learning_rate = rate}).weight;
    return tiny.model->parameters().front().tensor.detach().clone();
  };
  const StepOptions scaled{.loss = {.token_weighting = "nlirg", .weighting_control = "scaled"}};
  double mean = 0, one = 0;
  const at::Tensor got = moved(scaled, 1e-2, mean);
  EXPECT_GT(mean, 0.05);
  EXPECT_LT(mean, 0.95);
  EXPECT_TRUE(at::equal(got, moved(kPlain, 1e-2 * mean, one)));
  EXPECT_EQ(one, 1);
}

Example of_length(size_t n) {
  return {.ids = std::vector<int32_t>(n, 1),
          .weight = std::vector<float>(n, 0),
          .turn = std::vector<int32_t>(n, -1),
          .end_of_turn = std::vector<uint8_t>(n, 0)};
}

TEST(WithinTokens, PartsAreFilledInOrderAndALongSampleIsAlone) {
  std::vector<Example> examples;
  for (const size_t tokens : {4, 3, 3, 12, 1}) examples.push_back(of_length(tokens));
  const auto parts = within_tokens(
      std::vector<uint32_t>{0, 1, 2, 3, 4}, [&](uint32_t m) { return examples[m].size(); }, 10);
  EXPECT_EQ(parts, (std::vector<std::vector<uint32_t>>{{0, 1, 2}, {3}, {4}}));
}

TEST(Windows, CoverEveryTokenOnceAndNeedOnlyThePrefix) {
  test::Tiny tiny("llama");
  const Batch sample = tiny.batch({0});
  const auto windows = split_windows(sample, 2);
  int64_t covered = 0;
  for (const Batch& w : windows) {
    EXPECT_LE(w.supervised(), 2);
    EXPECT_EQ(w.denominator, static_cast<double>(w.supervised()));
    EXPECT_EQ(w.tokens(), w.rows_N[-1].item<int64_t>() + 1);
    covered += w.supervised();
  }
  EXPECT_EQ(covered, sample.supervised());
  EXPECT_EQ(windows.size(), static_cast<size_t>((sample.supervised() + 1) / 2));
  // A window's hidden rows from the prefix alone equal those from the whole sample.
  const at::NoGradGuard no_grad;
  const at::Tensor whole = tiny.model->forward({.ids_T = sample.ids_T, .offsets = sample.offsets}, {});
  const Batch& first = windows.front();
  const at::Tensor prefix = tiny.model->forward({.ids_T = first.ids_T, .offsets = first.offsets}, {});
  const double scale = prefix.abs().max().item<double>();
  EXPECT_LE((whole.slice(0, 0, first.tokens()) - prefix).abs().max().item<double>(), 1e-5 * scale);
}

// What frozen lower layers give is computed once for all windows: the same hidden states and gradients as
// anew.
TEST(Windows, FrozenLowerLayersAreComputedOnceASample) {
  test::Tiny tiny("llama");
  CausalLM& model = *tiny.model;
  const Batch sample = tiny.batch({0});
  std::vector<Batch> windows = split_windows(sample, 2);
  share_frozen_layers(model, windows);
  EXPECT_FALSE(windows.front().below_TD.defined()) << "the embedding is trained";
  for (const Parameter& p : model.parameters()) {
    const bool frozen = p.name.starts_with("model.embed_tokens") || p.name.starts_with("model.layers.0.");
    at::Tensor(p.tensor).requires_grad_(!frozen);
  }
  share_frozen_layers(model, windows);
  const auto gradients_of = [&](const Batch& window, const at::Tensor& below_TD) {
    const at::Tensor hidden =
        model.forward({.ids_T = window.ids_T, .offsets = window.offsets, .below_TD = below_TD}, {});
    hidden.square().sum().backward();
    std::vector<at::Tensor> out = {hidden.detach()};
    for (const Parameter& p : model.parameters()) {
      if (!p.tensor.requires_grad()) continue;
      out.push_back(p.tensor.grad().clone());
      at::Tensor(p.tensor).mutable_grad() = at::Tensor();
    }
    return out;
  };
  for (const Batch& window : windows) {
    ASSERT_TRUE(window.below_TD.defined());
    ASSERT_EQ(window.below_TD.size(0), window.tokens());
    EXPECT_TRUE(window.below_TD.is_alias_of(windows.front().below_TD)) << "one computation for all";
    const auto anew = gradients_of(window, {}), once = gradients_of(window, window.below_TD);
    for (size_t i = 0; i < anew.size(); ++i) {
      const double scale = anew[i].abs().max().item<double>();
      EXPECT_LE((anew[i] - once[i]).abs().max().item<double>(), 1e-5 * scale) << i;
    }
  }
  const at::Tensor other = at::zeros_like(windows.back().below_TD);
  EXPECT_FALSE(at::equal(gradients_of(windows.back(), other)[0], gradients_of(windows.back(), {})[0]))
      << "what is shared is used";
}

TEST(Windows, ReferenceCutDropsTailAndLastTokenOfEachWindow) {
  test::Tiny tiny("llama");
  const Batch sample = tiny.batch({0});
  const auto n = sample.supervised();
  const auto windows = split_windows_ytrainer(sample, 3);
  EXPECT_EQ(windows.size(), static_cast<size_t>(n / 3));
  for (const Batch& w : windows) EXPECT_EQ(w.supervised(), 2);
}

TEST(Windows, DynamicRuleGrowsAsTheLossFalls) {
  TokenBatchRule rule(10, true), fixed(10, false);
  for (int i = 0; i < 100; ++i) rule.add(4.0), fixed.add(4.0);
  EXPECT_EQ(rule.k(), 10);
  for (int i = 0; i < 100; ++i) rule.add(2.0), fixed.add(2.0);
  EXPECT_EQ(rule.k(), 20);
  for (int i = 0; i < 100; ++i) rule.add(0.1);
  EXPECT_EQ(rule.k(), 40);
  EXPECT_EQ(fixed.k(), 10);
}

}  // namespace
}  // namespace keel
