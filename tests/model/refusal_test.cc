// Bad configs, weights and options: what is said.
#include "golden.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/error.h"
#include "model/config.h"
#include "model/precision.h"
#include "support/error_of.h"

namespace keel::test {
namespace {

Json llama_config() { return read_json(golden_dir() / "llama/config.json"); }

ErrorText refused_config(const std::function<void(Json&)>& change) {
  Json config = llama_config();
  change(config);
  return error_text_of([&] { parse_model_config(config); });
}

TEST(BadConfig, UnknownArchitectureListsTheKnown) {
  const ErrorText e = refused_config([](Json& c) { c["architectures"] = {"GPT2LMHeadModel"}; });
  EXPECT_EQ(e.where, "config.json");
  EXPECT_EQ(e.found, "architectures \"GPT2LMHeadModel\"");
  EXPECT_EQ(e.wanted, "one of LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM");
}

TEST(BadConfig, ModelTypeIsEnoughWithoutArchitectures) {
  Json config = llama_config();
  config.erase("architectures");
  EXPECT_EQ(parse_model_config(config).architecture, "LlamaForCausalLM");
}

TEST(BadConfig, MissingAndWrongKeysAreNamed) {
  EXPECT_EQ(refused_config([](Json& c) { c.erase("hidden_size"); }).found, "no key \"hidden_size\"");
  EXPECT_EQ(refused_config([](Json& c) { c["vocab_size"] = -4; }).found, "\"vocab_size\": -4");
  EXPECT_EQ(refused_config([](Json& c) { c["rms_norm_eps"] = "small"; }).wanted, "a number above zero");
  const ErrorText heads = refused_config([](Json& c) { c["num_key_value_heads"] = 3; });
  EXPECT_EQ(heads.found, "\"num_key_value_heads\": 3");
  EXPECT_EQ(heads.wanted, "a divisor of num_attention_heads, 4");
  EXPECT_EQ(refused_config([](Json& c) { c["hidden_act"] = "gelu"; }).wanted, "silu");
}

TEST(BadConfig, RopeKeysMustAgreeAndBeKnown) {
  const ErrorText twice = refused_config([](Json& c) { c["rope_theta"] = 500.0; });
  EXPECT_EQ(twice.found, "\"rope_theta\": 500.0");
  EXPECT_EQ(twice.wanted, "10000, as rope_parameters says");
  const ErrorText yarn = refused_config([](Json& c) { c["rope_parameters"]["rope_type"] = "yarn"; });
  EXPECT_EQ(yarn.where, "config.json: rope_parameters");
  EXPECT_EQ(yarn.wanted, "default, linear or llama3");
  const ErrorText cut = refused_config([](Json& c) { c["rope_parameters"]["rope_type"] = "llama3"; });
  EXPECT_EQ(cut.found, "no key \"factor\"");
}

TEST(Config, WindowsFollowTheFamily) {
  Json mistral = read_json(golden_dir() / "mistral/config.json");
  EXPECT_EQ(parse_model_config(mistral).window, (std::vector<int64_t>{0, 0}));
  mistral["sliding_window"] = 4;
  EXPECT_EQ(parse_model_config(mistral).window, (std::vector<int64_t>{4, 4}));
  Json qwen = read_json(golden_dir() / "qwen2/config.json");
  qwen["sliding_window"] = 4;
  EXPECT_EQ(parse_model_config(qwen).window, (std::vector<int64_t>{0, 0})) << "use_sliding_window is off";
  qwen["use_sliding_window"] = true;
  qwen["layer_types"] = {"full_attention", "sliding_attention"};
  EXPECT_EQ(parse_model_config(qwen).window, (std::vector<int64_t>{0, 4}));
}

ErrorText refused_weights(const std::function<void(TensorMap&)>& change) {
  const HfFolder folder = HfFolder::open(golden_dir() / "llama");
  TensorMap weights = folder.tensors();
  change(weights);
  return error_text_of([&] { build_model(folder.config, weights, {.train = true}); });
}

TEST(BadWeights, AreNamed) {
  const std::string up = "model.layers.1.mlp.up_proj.weight";
  const ErrorText missing = refused_weights([&](TensorMap& w) { w.erase(up); });
  EXPECT_EQ(missing.found, "no tensor " + up);
  EXPECT_EQ(missing.wanted, up + " of shape 20x32");
  const ErrorText shape = refused_weights([&](TensorMap& w) { w[up] = at::zeros({20, 31}); });
  EXPECT_EQ(shape.where, "weight " + up);
  EXPECT_EQ(shape.found, "shape 20x31");
  const ErrorText type = refused_weights([&](TensorMap& w) { w[up] = at::zeros({20, 32}, at::kChar); });
  EXPECT_EQ(type.found, "values of type Char");
  const ErrorText nan = refused_weights([&](TensorMap& w) {
    w[up] = w[up].clone();
    w[up][3][4] = NAN;
    w[up][5][6] = INFINITY;
  });
  EXPECT_EQ(nan.where, "weight " + up);
  EXPECT_EQ(nan.found, "2 of 640 values are NaN or infinite");
  const ErrorText more =
      refused_weights([&](TensorMap& w) { w["model.layers.2.mlp.up_proj.weight"] = at::zeros({1}); });
  EXPECT_EQ(more.found, "tensors that the model has no place for: model.layers.2.mlp.up_proj.weight");
}

TEST(GoodWeights, OldBuffersAndATiedHeadAreNoHindrance) {
  const HfFolder folder = HfFolder::open(golden_dir() / "llama");
  TensorMap weights = folder.tensors();
  weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::zeros({4});
  weights["lm_head.weight"] = weights["model.embed_tokens.weight"];
  EXPECT_NO_THROW(build_model(folder.config, weights, {}));
}

TEST(BadOptions, PatternsThatMatchNothing) {
  BuildOptions freeze{.train = true};
  freeze.model.freeze = {"model.embed_token.weight"};
  const ErrorText e = error_text_of([&] { load_model("llama", freeze); });
  EXPECT_EQ(e.where, "freeze");
  EXPECT_EQ(e.found, "\"model.embed_token.weight\", which matches no parameter");
  EXPECT_EQ(e.hint, "there are, for example, model.embed_tokens.weight");
  BuildOptions lora{.train = true};
  lora.model.finetuning_type = "lora";
  lora.model.lora_target = {"q_porj"};
  const ErrorText target = error_text_of([&] { load_model("llama", lora); });
  EXPECT_EQ(target.found, "\"q_porj\", which names no linear layer of the blocks");
  EXPECT_EQ(target.hint, "did you mean \"q_proj\"?");
}

TEST(BadAdapter, OfAnotherModelOrKind) {
  const Json config = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}};
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj.";
  const auto with = [&](const Json& json, std::map<std::string, at::Tensor> tensors) {
    return error_text_of([&] { load_model("llama", {.adapter = AdapterWeights{json, std::move(tensors)}}); });
  };
  EXPECT_EQ(with(config, {{q + "lora_A.weight", at::zeros({2, 32})}}).found,
            "no tensor " + q + "lora_B.weight");
  const ErrorText shape =
      with(config, {{q + "lora_A.weight", at::zeros({2, 30})}, {q + "lora_B.weight", at::zeros({32, 2})}});
  EXPECT_EQ(shape.found, q + "lora_A.weight of shape 2x30");
  const ErrorText place =
      with(config, {{"base_model.model.model.layers.7.mlp.up_proj.lora_A.weight", at::zeros({2, 32})}});
  EXPECT_THAT(place.found,
              testing::HasSubstr("layers.7.mlp.up_proj.lora_A.weight, which the model has no place for"));
  Json dora = config;
  dora["use_dora"] = true;
  EXPECT_EQ(with(dora, {}).found, "\"use_dora\": true");
}

TEST(Precision, SaysWhy) {
  EXPECT_EQ(choose_compute_dtype("fp32").reason, "fp32: as asked");
  EXPECT_EQ(choose_compute_dtype("bf16").dtype, at::kBFloat16);
  const PrecisionChoice chosen = choose_compute_dtype("auto");
  EXPECT_TRUE(chosen.reason.starts_with(chosen.dtype == at::kFloat ? "fp32: a bf16 product takes"
                                                                   : "bf16: a product"))
      << chosen.reason;
}

}  // namespace
}  // namespace keel::test
