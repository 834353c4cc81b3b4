// token_batch_prefix: cached.
#include "train/prefix.h"

#include <ATen/core/grad_mode.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <sstream>
#include <tuple>

#include "app/program.h"
#include "model/activation.h"
#include "model/attention.h"
#include "model/norm.h"
#include "model/rope.h"
#include "train/step.h"
#include "train/tiny.h"
#include "train/trainer.h"
#include "train/window.h"

namespace keel {
namespace {

using Named = std::map<std::string, at::Tensor>;
constexpr double kLora = 2;  // alpha / rank

struct Subject {
  ModelConfig config;
  std::unique_ptr<CausalLM> model;
  Named parameters;

  Subject(const std::string& name, bool lora) {
    const HfFolder folder = HfFolder::open(test::golden_dir() / name);
    config = parse_model_config(folder.config);
    BuildOptions build{.train = true};
    if (lora) build.model = {.finetuning_type = "lora", .lora_rank = 4, .lora_alpha = 4 * kLora};
    model = build_model(folder.config, folder.tensors(), build).model;
    at::manual_seed(9);
    const at::NoGradGuard no_grad;
    for (const Parameter& p : model->parameters()) {
      if (p.name.ends_with("lora_B.weight")) p.tensor.normal_(0, 0.1);
      parameters[p.name] = p.tensor;
    }
  }

  Named gradients() {
    Named out;
    for (auto& [name, tensor] : parameters) {
      if (tensor.grad().defined()) out[name] = tensor.grad().clone();
      tensor.mutable_grad() = at::Tensor();
    }
    return out;
  }
};

// The model in plain ATen operators, in which the keys and values of the first `past` tokens are constants.
class Oracle {
 public:
  explicit Oracle(const Subject& s) : c_(s.config), p_(s.parameters), rope_(c_.rope, c_.head_dim, at::kCPU) {}

  at::Tensor hidden_TD(const at::Tensor& ids_T, int64_t past) {
    const int64_t tokens = ids_T.numel();
    const Segments segments = make_segments({0, tokens}, tokens, at::kCPU);
    const RopeAngles angles = rope_.for_positions(tokens);
    at::Tensor x = at::embedding(p_.at("model.embed_tokens.weight"), ids_T);
    for (int64_t i = 0; i < c_.layers; ++i) {
      at_ = fmt::format("model.layers.{}.", i);
      const at::Tensor h = rms_norm_composed(x, p_.at(at_ + "input_layernorm.weight"), c_.rms_norm_eps);
      const auto turned = [&](const std::string& name) {
        at::Tensor y = linear(h, "self_attn." + name + "_proj");
        const auto norm = p_.find(at_ + "self_attn." + name + "_norm.weight");
        if (norm != p_.end())
          y = rms_norm_composed(y.view({-1, c_.head_dim}), norm->second, c_.rms_norm_eps).view(y.sizes());
        return rope_to_heads_composed(y, angles, segments, c_.kv_heads, c_.head_dim);
      };
      const AttentionInput input{turned("q"), constant(turned("k"), 1, past),
                                 constant(linear(h, "self_attn.v_proj"), 0, past), c_.window.at(i)};
      x = x + linear(attention_composed(input, segments), "self_attn.o_proj");
      const at::Tensor m =
          rms_norm_composed(x, p_.at(at_ + "post_attention_layernorm.weight"), c_.rms_norm_eps);
      x = x + linear(swiglu_composed(linear(m, "mlp.gate_proj"), linear(m, "mlp.up_proj")), "mlp.down_proj");
    }
    return rms_norm_composed(x, p_.at("model.norm.weight"), c_.rms_norm_eps);
  }

 private:
  static at::Tensor constant(const at::Tensor& x, int64_t dim, int64_t past) {
    return at::cat({x.slice(dim, 0, past).detach(), x.slice(dim, past)}, dim);
  }

  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    const auto bias = p_.find(at_ + name + ".bias");
    at::Tensor y = at::mm(x, p_.at(at_ + name + ".weight").t());
    if (bias != p_.end()) y = y + bias->second;
    const std::string adapter = "base_model.model." + at_ + name + ".lora_";
    if (!p_.contains(adapter + "A.weight")) return y;
    return y + kLora * at::mm(at::mm(x, p_.at(adapter + "A.weight").t()), p_.at(adapter + "B.weight").t());
  }

  ModelConfig c_;
  const Named& p_;
  RopeTable rope_;
  std::string at_;  // the layer's names
};

// One sample with two trained turns, between which tokens are not.
Batch two_turns() {
  const test::Tiny tiny("llama");
  std::vector<int32_t> ids = tiny.examples[0].ids;
  ids.insert(ids.end(), tiny.examples[1].ids.begin(), tiny.examples[1].ids.end());
  static std::deque<Example> kept;  // a batch points to its examples
  Example& e = kept.emplace_back();
  for (size_t t = 0; t < ids.size(); ++t) {
    const bool trained = (t >= 4 && t < 9) || t >= 13;
    e.ids.push_back(ids[t]);
    e.weight.push_back(trained ? 1.0F : 0.0F);
    e.turn.push_back(trained ? t / 10 : -1);
    e.end_of_turn.push_back(0);
  }
  const std::vector<const Example*> one{&e};
  return make_batch(one, "token");
}

std::vector<Batch> cached_windows(int64_t k) {
  std::vector<Batch> windows = split_windows(two_turns(), k);
  use_cached_prefix(windows);
  return windows;
}

at::Tensor mean_loss(const at::Tensor& hidden_ND, const at::Tensor& head_VD, const Batch& b) {
  return at::cross_entropy_loss(at::mm(hidden_ND, head_VD.t()), b.labels_N);
}

void expect_close(const Named& found, const Named& wanted, const std::string& what) {
  ASSERT_FALSE(wanted.empty());
  double apart = 0, norm = 0;
  for (const auto& [name, g] : wanted) {
    ASSERT_TRUE(found.contains(name)) << what << name;
    apart += (found.at(name) - g).square().sum(at::kDouble).item<double>();
    norm += g.square().sum(at::kDouble).item<double>();
  }
  EXPECT_GT(norm, 0) << what;
  EXPECT_LE(std::sqrt(apart), 1e-5 * std::sqrt(norm)) << what;  // a few dozen roundings of fp32
}

TEST(CachedPrefix, TheWindowsOfASampleFollowEachOther) {
  const std::vector<Batch> windows = cached_windows(3);
  ASSERT_EQ(windows.size(), 4U);
  EXPECT_EQ(windows[0].cached, 0);
  for (size_t i = 1; i < windows.size(); ++i) EXPECT_EQ(windows[i].cached, windows[i - 1].tokens());
}

// Losses are those of the exact mode, gradients those of autograd with the prefix cut off: for windows of
// keys, norms of queries and keys, biases, a head of its own, adapters, and with recomputed blocks.
class CachedPrefixOf : public testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(CachedPrefixOf, LossesAndGradientsEqualAutogradWithAConstantPrefix) {
  const auto& [name, recompute] = GetParam();
  for (const bool lora : {false, true}) {
    Subject subject(name, lora);
    Oracle oracle(subject);
    PrefixCache cache(*subject.model);
    for (const int round : {0, 1}) {  // the second sample takes the place of the first
      for (const Batch& window : cached_windows(round == 0 ? 5 : 7)) {
        const std::string what = fmt::format("{}, lora {}, window behind {}: ", name, lora, *window.cached);
        const at::Tensor hidden =
            cache.hidden_ND(window, {.training = true, .recomputed_blocks = recompute ? kAllBlocks : 0});
        const at::Tensor loss = mean_loss(hidden, subject.model->head_VD(), window);
        loss.backward();
        cache.keep(window);
        const Named found = subject.gradients();

        const int64_t past = *window.cached > 0 ? *window.cached : window.rows_N[0].item<int64_t>();
        const at::Tensor rows = oracle.hidden_TD(window.ids_T, past).index_select(0, window.rows_N);
        const at::Tensor wanted = mean_loss(rows, subject.model->head_VD(), window);
        wanted.backward();
        expect_close(found, subject.gradients(), what);
        EXPECT_NEAR(loss.item<double>(), wanted.item<double>(), 2e-6 * wanted.item<double>()) << what;
        const at::NoGradGuard no_grad;
        const at::Tensor exact = subject.model->forward({window.ids_T, window.offsets}, {});
        EXPECT_NEAR(
            loss.item<double>(),
            mean_loss(exact.index_select(0, window.rows_N), subject.model->head_VD(), window).item<double>(),
            2e-6 * wanted.item<double>())
            << what;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Families, CachedPrefixOf,
    testing::Combine(testing::Values("llama", "llama3-rope", "mistral", "qwen2", "qwen3"), testing::Bool()));

// Without an update between them, a step over each window of a sample says what the exact mode says.
TEST(CachedPrefix, StepsAtRateZeroHaveTheExactLossesAndMeasureTheGradient) {
  test::Tiny tiny("llama");
  AdamW optimiser(test::trained(*tiny.model), {.weight_decay = 0});
  const StepOptions options{.loss = {.token_weighting = "nlirg"}};
  Step step(*tiny.model, optimiser, options);
  const std::vector<Batch> exact = split_windows(two_turns(), 3), cached = cached_windows(3);
  int64_t tokens = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const StepOutcome a = step.run(std::span(&exact[i], 1), {});
    const StepOutcome b = step.run(std::span(&cached[i], 1), {.against_exact = true});
    EXPECT_NEAR(b.loss, a.loss, 2e-6 * a.loss);
    EXPECT_NEAR(b.nll, a.nll, 2e-6 * a.nll);
    EXPECT_FALSE(a.prefix);
    ASSERT_TRUE(b.prefix);
    EXPECT_LT(b.prefix->loss, 2e-6);
    EXPECT_GT(b.prefix->gradient, 1e-3) << "the way through the prefix is cut";
    EXPECT_LT(b.prefix->gradient, 2);
    EXPECT_GT(b.grad_norm, 0);
    tokens += b.tokens;
  }
  EXPECT_EQ(tokens, exact.back().tokens()) << "each token is computed once";
}

// What is measured is measured beside the step, which stays what it was.
TEST(CachedPrefix, MeasuringChangesNoStep) {
  const auto weights = [](bool measured) {
    test::Tiny tiny("qwen3");
    AdamW optimiser(test::trained(*tiny.model), {});
    Step step(*tiny.model, optimiser, {.loss = {.token_weighting = "none"}});
    for (const Batch& window : cached_windows(3)) {
      const StepOutcome out =
          step.run(std::span(&window, 1), {.learning_rate = 1e-2, .against_exact = measured});
      if (measured && *window.cached > 0) {
        EXPECT_GT(out.prefix->loss, 1e-6) << "stale keys and values";
      }
    }
    return tiny.model->parameters().front().tensor.detach().clone();
  };
  EXPECT_TRUE(weights(true).equal(weights(false)));
}

TEST(CachedPrefix, DistanceIsRelativeToExactAndFinite) {
  const WindowPass exact{.loss = 2, .gradients = {at::full({2}, 3.0), at::full({1}, 4.0), {}}};
  const WindowPass cached{.loss = 1.5, .gradients = {at::full({2}, 3.0), at::full({1}, 2.0), {}}};
  const auto apart = distance_between(cached, exact);
  ASSERT_TRUE(apart);
  EXPECT_DOUBLE_EQ(apart->loss, 0.25);
  EXPECT_DOUBLE_EQ(apart->gradient, 2 / std::sqrt(9.0 + 9 + 16));
  EXPECT_FALSE(distance_between(exact, {.loss = NAN, .gradients = exact.gradients}));
  EXPECT_FALSE(distance_between(exact, {.loss = 1, .gradients = {{}, {}, {}}}));
  PrefixMemory memory;
  add(memory, *apart);
  add(memory, {.loss = 0.75, .gradient = apart->gradient});
  EXPECT_THAT(text_of(memory), testing::HasSubstr("on 2 windows: mean prefix_loss_error 5.00e-01"));
}

// The whole loop: rows that are learnt, measured on the first sample.
TEST(CachedPrefix, ARunLearnsAndTellsItsDistance) {
  const test::TempDir dir;
  make_folders(dir / "model");
  test::make_tiny_chat_model(dir / "model");
  std::vector<Example> rows;
  for (int i = 0; i < 51; ++i) {
    Example e{.ids = {1, 2, 3 + i % 3, 4, 5, 6, 7, 8}, .place = fmt::format("a:{}", i)};
    e.weight = {0, 0, 1, 1, 1, 0, 1, 1};
    e.turn = {-1, -1, 0, 0, 0, -1, 1, 1};
    e.end_of_turn.assign(8, 0);
    rows.push_back(std::move(e));
  }
  const auto run = [&](const std::string& prefix, const std::string& name) {
    make_folders(dir / name);
    ChatModel model = load_chat_model(
        {.model = {.model_name_or_path = (dir / "model").string(), .precision = "fp32"}, .train = true});
    Dataset set{.sources = {"rows"}};
    set.examples = ExampleSet::of(std::vector<Example>(rows));
    const EvalSets none;
    TrainOptions options;
    options.per_device_train_batch_size = 1, options.token_batch = 2, options.logging_steps = 1000;
    options.token_batch_prefix = prefix;
    const OptimOptions optim{.learning_rate = 3e-3};
    return train({.model = model,
                  .train_set = set,
                  .eval_sets = none,
                  .options = options,
                  .optim = optim,
                  .loss = {},
                  .run_dir = dir / name,
                  .save = false});
  };
  const TrainSummary exact = run("exact", "exact"), cached = run("cached", "cached");
  EXPECT_EQ(exact.steps, cached.steps);
  EXPECT_EQ(cached.supervised, exact.supervised);
  EXPECT_LT(cached.tokens, exact.tokens) << "the prefix is not computed again";
  EXPECT_LT(cached.last_loss, 0.5 * cached.first_loss);
  std::vector<int64_t> measured;
  std::istringstream in(read_text(dir / "cached/metrics.jsonl"));
  for (std::string line; std::getline(in, line);) {
    const Json row = Json::parse(line);
    if (!row.contains("prefix_gradient_error")) continue;
    measured.push_back(row["step"]);
    EXPECT_GT(row["prefix_gradient_error"].get<double>(), 0);
    EXPECT_GE(row["prefix_loss_error"].get<double>(), 0);
  }
  EXPECT_EQ(measured, (std::vector<int64_t>{1, 51}));
}

}  // namespace
}  // namespace keel
