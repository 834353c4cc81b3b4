// Every family against transformers: logits, every gradient, greedy ids; and the model against itself.
#include "golden.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace keel::test {
namespace {

class Family : public testing::TestWithParam<const char*> {
 protected:
  Golden golden_{golden_dir() / GetParam()};
  std::unique_ptr<CausalLM> model_ = load_model(GetParam(), {.train = true}).model;
};

INSTANTIATE_TEST_SUITE_P(All, Family,
                         testing::Values("llama", "llama3-rope", "llama-mha-oldkeys", "mistral", "qwen2",
                                         "qwen2-sharded", "qwen3", "llama-bf16", "qwen3-fp16"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(Family, LogitsEqualTransformers) {
  expect_near(logits_of(*model_, golden_.packed()), golden_.tensors.at("logits"), kRelative, "logits");
}

TEST_P(Family, EveryGradientEqualsTransformers) {
  const at::Tensor loss = mean_loss(logits_of(*model_, golden_.packed()), golden_.labels);
  const double expected = golden_.json["loss_sum"].get<double>() / golden_.json["loss_count"].get<double>();
  EXPECT_NEAR(loss.item<double>(), expected, kRelative * expected);
  loss.backward();
  std::set<std::string> names;
  for (const Parameter& p : model_->parameters()) {
    names.insert(p.name);
    ASSERT_TRUE(p.tensor.grad().defined()) << p.name;
    expect_near(p.tensor.grad(), golden_.tensors.at("grad." + p.name), kRelative, p.name);
  }
  EXPECT_EQ(names, golden_.json["parameters"].get<std::set<std::string>>());
}

// Nodes of that kind in the graph behind a tensor.
int64_t nodes_named(const at::Tensor& result, std::string_view kind) {
  std::set<const torch::autograd::Node*> seen;
  std::vector<const torch::autograd::Node*> open{result.grad_fn().get()};
  int64_t found = 0;
  while (!open.empty()) {
    const torch::autograd::Node* const node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    found += node->name().find(kind) != std::string::npos;
    for (const auto& edge : node->next_edges()) open.push_back(edge.function.get());
  }
  return found;
}

TEST_P(Family, RecomputationGivesTheSameBits) {
  mean_loss(logits_of(*model_, golden_.packed()), golden_.labels).backward();
  const auto plain = gradients(*model_);
  const auto layers = HfFolder::open(golden_dir() / GetParam()).config["num_hidden_layers"].get<int64_t>();
  for (const int64_t blocks : {int64_t{1}, kAllBlocks}) {
    clear_gradients(*model_);
    const ForwardMode mode{.recomputed_blocks = blocks};
    const at::Tensor loss = mean_loss(logits_of(*model_, golden_.packed(), mode), golden_.labels);
    EXPECT_EQ(nodes_named(loss, "Recompute"), std::min(blocks, layers));
    loss.backward();
    const auto again = gradients(*model_);
    ASSERT_EQ(again.size(), plain.size());
    for (const auto& [name, gradient] : plain) EXPECT_TRUE(gradient.equal(again.at(name))) << name;
  }
}

TEST_P(Family, SegmentsDoNotSeeEachOther) {
  const at::Tensor packed = logits_of(*model_, golden_.packed());
  for (size_t s = 0; s + 1 < golden_.offsets.size(); ++s) {
    const int64_t begin = golden_.offsets[s], end = golden_.offsets[s + 1];
    const PackedTokens alone{.ids_T = golden_.packed().ids_T.slice(0, begin, end),
                             .offsets = {0, end - begin}};
    expect_near(packed.slice(0, begin, end), logits_of(*model_, alone), 1e-5, fmt::format("segment {}", s));
  }
}

TEST_P(Family, GreedyIdsEqualTransformers) {
  if (!golden_.json.contains("greedy")) GTEST_SKIP() << "no greedy ids in this golden";
  const auto prompt = golden_.json["greedy"]["prompt"].get<std::vector<int64_t>>();
  const auto expected = golden_.json["greedy"]["ids"].get<std::vector<int64_t>>();
  const auto cache = model_->make_cache(1);
  std::vector<int64_t> fresh = prompt, found;
  for (size_t i = 0; i < expected.size(); ++i) {
    const PackedTokens tokens{.ids_T = at::tensor(fresh, at::kLong),
                              .offsets = {0, static_cast<int64_t>(fresh.size())}};
    const at::Tensor hidden = model_->decode(tokens, *cache);
    fresh = {at::linear(hidden, model_->head_VD()).argmax(-1).item<int64_t>()};
    found.push_back(fresh[0]);
  }
  EXPECT_EQ(found, expected);
}

// Prefill of uneven pieces, then single tokens, beside another sequence: as the whole sequence at once.
TEST_P(Family, DecodingEqualsForward) {
  const at::NoGradGuard no_grad;
  const std::vector<int64_t> a(golden_.ids.begin(), golden_.ids.begin() + 11);
  const std::vector<int64_t> b(golden_.ids.begin() + 11, golden_.ids.end());
  const auto cache = model_->make_cache(2);
  size_t at_a = 0, at_b = 0;
  for (const auto& [more_a, more_b] : {std::pair{4, 1}, {3, 2}, {1, 1}, {1, 1}, {2, 2}}) {
    std::vector<int64_t> fresh(a.begin() + at_a, a.begin() + at_a + more_a);
    fresh.insert(fresh.end(), b.begin() + at_b, b.begin() + at_b + more_b);
    at_a += more_a;
    at_b += more_b;
    const at::Tensor hidden = model_->decode(
        {.ids_T = at::tensor(fresh, at::kLong), .offsets = {0, more_a, more_a + more_b}}, *cache);
    std::vector<int64_t> whole(a.begin(), a.begin() + at_a);
    whole.insert(whole.end(), b.begin(), b.begin() + at_b);
    const auto end_a = static_cast<int64_t>(at_a), end_b = static_cast<int64_t>(at_a + at_b);
    const at::Tensor expected =
        model_->forward({.ids_T = at::tensor(whole, at::kLong), .offsets = {0, end_a, end_b}}, {});
    expect_near(hidden[0], expected[end_a - 1], 1e-5, fmt::format("after {} tokens", at_a));
    expect_near(hidden[1], expected[end_b - 1], 1e-5, fmt::format("after {} tokens, second", at_b));
  }
}

// Three texts: the second begins as the first does, the third as the second.
TEST_P(Family, ASharedBeginningEqualsTheWholeSegment) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = at::tensor(golden_.ids, at::kLong);
  const at::Tensor a = ids.slice(0, 0, 11), rest_b = ids.slice(0, 11, 15), rest_c = ids.slice(0, 15, 18);
  const at::Tensor b = at::cat({a.slice(0, 0, 6), rest_b}), c = at::cat({b.slice(0, 0, 8), rest_c});
  const at::Tensor whole = model_->forward({at::cat({a, b, c}), {0, 11, 21, 32}}, {});
  const PackedTokens shared{at::cat({a, rest_b, rest_c}), {0, 11, 15, 18}, {{}, {0, 6}, {1, 8}}};
  const at::Tensor found = model_->forward(shared, {});
  expect_near(found.slice(0, 0, 11), whole.slice(0, 0, 11), 1e-5, "first");
  expect_near(found.slice(0, 11, 15), whole.slice(0, 17, 21), 1e-5, "second");
  expect_near(found.slice(0, 15, 18), whole.slice(0, 29, 32), 1e-5, "third");

  const auto cache = model_->make_cache(4);
  const at::Tensor last = model_->decode(shared, *cache);
  expect_near(last, whole.index_select(0, at::tensor({10, 20, 31}, at::kLong)), 1e-5, "decoded");
  // The third text, cut back to the second's part of it, goes on as the second does.
  cache->keep(2, 8);
  cache->swap(0, 2);
  const at::Tensor again = model_->decode({b.slice(0, 8, 10), {0, 2}}, *cache);
  expect_near(again[0], whole[20], 1e-5, "cut back and swapped");
}

// Two implementations that round to bf16 at similar places err alike: transformers' own bf16 error, measured
// against fp32 on the same weights, is the scale. Ours rounds less often, so more than 1.5 times its
// deviation would mean a wrong place of rounding.
TEST(Bf16, ErrsAsMuchAsTransformersDoes) {
  for (const std::string name : {"llama", "qwen3"}) {
    const Golden golden(golden_dir() / name);
    const auto model = load_model(name, {.compute = at::kBFloat16}).model;
    const at::Tensor error = logits_of(*model, golden.packed()) - golden.tensors.at("logits");
    const Json& theirs = golden.json["bf16_error"];
    EXPECT_GT(error.abs().max().item<double>(), 0) << name << ": not computed in bf16";
    EXPECT_LE(error.square().mean().sqrt().item<double>(), 1.5 * theirs["rms"].get<double>()) << name;
    EXPECT_LE(error.abs().max().item<double>(), 2 * theirs["max_abs"].get<double>()) << name;
  }
}

// bf16 gradients: relative to the tensor's norm, each of about 2·12 roundings on the way contributes 2^-9.
TEST(Bf16, GradientsAreNearThoseOfFp32) {
  const Golden golden(golden_dir() / "llama");
  const auto model = load_model("llama", {.compute = at::kBFloat16, .train = true}).model;
  mean_loss(logits_of(*model, golden.packed()), golden.labels).backward();
  for (const Parameter& p : model->parameters()) {
    const at::Tensor expected = golden.tensors.at("grad." + p.name);
    EXPECT_EQ(p.tensor.scalar_type(), at::kBFloat16);
    const double error = (p.tensor.grad().to(at::kFloat) - expected).norm().item<double>();
    EXPECT_LE(error, 24 * 0x1p-9 * expected.norm().item<double>()) << p.name;
  }
}

TEST(Config, OldAndNewRopeKeysGiveTheSameLogits) {
  const Golden golden(golden_dir() / "llama3-rope");
  const HfFolder folder = HfFolder::open(golden_dir() / "llama3-rope");
  const Json old_keys = read_json(golden_dir() / "llama3-rope/config.oldkeys.json");
  const auto model = build_model(old_keys, folder.tensors(), {}).model;
  expect_near(logits_of(*model, golden.packed()), golden.tensors.at("logits"), kRelative, "logits");
}

TEST(Freeze, FrozenTensorsGetNoGradientAndTheOthersTheSame) {
  const Golden golden(golden_dir() / "qwen2");
  BuildOptions build{.train = true};
  build.model.freeze = {"*.embed_tokens.*", "model.layers.0.*"};
  const auto model = load_model("qwen2", build).model;
  for (const int64_t recomputed : {int64_t{0}, int64_t{1}, kAllBlocks}) {
    clear_gradients(*model);
    const ForwardMode mode{.recomputed_blocks = recomputed};
    mean_loss(logits_of(*model, golden.packed(), mode), golden.labels).backward();
    for (const Parameter& p : model->parameters()) {
      const bool frozen =
          p.name.find("embed") != std::string::npos || p.name.find(".0.") != std::string::npos;
      ASSERT_EQ(p.tensor.grad().defined(), !frozen) << p.name;
      if (!frozen) expect_near(p.tensor.grad(), golden.tensors.at("grad." + p.name), kRelative, p.name);
    }
  }
}

TEST(Decay, IsOffForNormsAndBiases) {
  const auto model = load_model("qwen2", {.train = true}).model;
  for (const Parameter& p : model->parameters()) {
    const bool plain = p.name.find("norm") == std::string::npos && !p.name.ends_with(".bias");
    EXPECT_EQ(p.decay, plain) << p.name;
  }
}

TEST(Training, NeverWritesToTheFile) {
  const HfFolder folder = HfFolder::open(golden_dir() / "llama");
  const TensorMap mapped = folder.tensors();
  const at::Tensor source = mapped.at("model.norm.weight");
  const auto model = build_model(folder.config, mapped, {.train = true}).model;
  EXPECT_NE(parameter(*model, "model.norm.weight").data_ptr(), source.data_ptr());
  const auto frozen = build_model(folder.config, mapped, {}).model;
  EXPECT_EQ(parameter(*frozen, "model.norm.weight").data_ptr(), source.data_ptr()) << "held twice";
}

}  // namespace
}  // namespace keel::test
