// Adapters against PEFT: logits, gradients, merging, folders; and new tokens.
#include "golden.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <set>

#include "checkpoint/adapter_folder.h"
#include "model/lora.h"

namespace keel::test {
namespace {

class Peft : public testing::TestWithParam<const char*> {
 protected:
  std::filesystem::path dir_ = golden_dir() / "lora" / GetParam();
  Golden golden_{dir_};
  AdapterFolder folder_ = AdapterFolder::open(dir_.string());
  AdapterWeights adapter_{.config = folder_.config, .tensors = folder_.tensors()};
  std::string base_ = golden_.json["base"].get<std::string>();
};

INSTANTIATE_TEST_SUITE_P(All, Peft,
                         testing::Values("llama-all-linear", "llama-qv-rslora", "qwen3-all-linear",
                                         "qwen3-qv-rslora"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(Peft, LogitsAndGradientsEqualPeft) {
  const auto model = load_model(base_, {.train = true, .adapter = adapter_}).model;
  for (const int64_t recomputed : {int64_t{0}, int64_t{1}, kAllBlocks}) {
    clear_gradients(*model);
    const ForwardMode mode{.training = true, .recomputed_blocks = recomputed};
    const at::Tensor logits = logits_of(*model, golden_.packed(), mode);
    expect_near(logits, golden_.tensors.at("logits"), kRelative, "logits");
    mean_loss(logits, golden_.labels).backward();
    std::set<std::string> trained;
    for (const auto& [name, gradient] : gradients(*model)) {
      trained.insert(name);
      expect_near(gradient, golden_.tensors.at("grad." + name), kRelative, name);
    }
    EXPECT_EQ(trained, golden_.json["parameters"].get<std::set<std::string>>());
  }
}

TEST_P(Peft, MergedWeightsEqualPeft) {
  const HfFolder folder = HfFolder::open(golden_dir() / base_);
  const auto merged = merge_lora(folder.tensors(), adapter_);
  expect_near(merged.at(golden_.json["merged"].get<std::string>()), golden_.tensors.at("merged"), 1e-6,
              "merged");
  const auto model = build_model(folder.config, merged, {}).model;
  expect_near(logits_of(*model, golden_.packed()), golden_.tensors.at("logits"), kRelative, "logits");
}

TEST_P(Peft, ExportGivesTheSameTensorsAndConfig) {
  BuildOptions build{.train = true, .adapter = adapter_};
  build.model.model_name_or_path = base_;
  const auto model = load_model(base_, build).model;
  const auto out = model->adapter_weights({});
  ASSERT_TRUE(out.has_value());
  ASSERT_EQ(out->tensors.size(), adapter_.tensors.size());
  for (const auto& [name, tensor] : adapter_.tensors)
    EXPECT_TRUE(out->tensors.at(name).equal(tensor)) << name;
  for (const char* key :
       {"r", "lora_alpha", "use_rslora", "peft_type", "task_type", "bias", "base_model_name_or_path"}) {
    EXPECT_EQ(out->config[key], adapter_.config[key]) << key;
  }
  const LoraConfig again = lora_config(out->config);
  EXPECT_EQ(again.scale(again.rank), golden_.json["scale"].get<double>());
}

TEST(Fresh, StartsAsTheBaseAndLearns) {
  const Golden golden(golden_dir() / "llama");
  BuildOptions build{.train = true, .seed = 5};
  build.model.finetuning_type = "lora";
  build.model.lora_rank = 4;
  const auto model = load_model("llama", build).model;
  const at::Tensor logits = logits_of(*model, golden.packed(), {.training = true});
  expect_near(logits, golden.tensors.at("logits"), kRelative, "B is zero");
  mean_loss(logits, golden.labels).backward();
  EXPECT_EQ(gradients(*model).size(), 2u * 7 * 2) << "A and B of seven layers in two blocks";
  const double bound = 1 / std::sqrt(32.0);
  const at::Tensor a = parameter(*model, "base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight");
  EXPECT_LE(a.abs().max().item<double>(), bound);
  EXPECT_GT(a.abs().max().item<double>(), 0.8 * bound);
  const auto same = load_model("llama", build).model;
  EXPECT_TRUE(parameter(*same, "base_model.model.model.layers.1.self_attn.v_proj.lora_A.weight").equal(a));
}

TEST(Fresh, TargetsByNameAndPattern) {
  BuildOptions build{.train = true};
  build.model.finetuning_type = "lora";
  build.model.lora_target = {"q_proj", "model.layers.1.mlp.*"};
  const auto model = load_model("qwen3", build).model;
  const auto adapter = model->adapter_weights({});
  EXPECT_EQ(adapter->tensors.size(), 2u * (2 + 3));
  EXPECT_EQ(adapter->config["target_modules"],
            Json({"model.layers.1.mlp.down_proj", "model.layers.1.mlp.gate_proj", "q_proj",
                  "model.layers.1.mlp.up_proj"}));
}

TEST(Fresh, DropoutIsTheSameWhenRecomputed) {
  const Golden golden(golden_dir() / "llama");
  BuildOptions build{.train = true};
  build.model.finetuning_type = "lora";
  build.model.lora_dropout = 0.3;
  const auto model = load_model("llama", build).model;
  {
    const at::NoGradGuard no_grad;
    for (const Parameter& p : model->parameters()) {
      if (p.name.ends_with("lora_B.weight")) p.tensor.fill_(0.05);
    }
  }
  const auto run = [&](uint64_t key, bool recompute) {
    clear_gradients(*model);
    const ForwardMode mode{
        .training = true, .recomputed_blocks = recompute ? kAllBlocks : 0, .dropout_key = key};
    mean_loss(logits_of(*model, golden.packed(), mode), golden.labels).backward();
    return gradients(*model);
  };
  const auto plain = run(1, false), again = run(1, true), other = run(2, false);
  for (const auto& [name, gradient] : plain) EXPECT_TRUE(gradient.equal(again.at(name))) << name;
  const std::string some = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight";
  EXPECT_FALSE(plain.at(some).equal(other.at(some)));
}

// Only the rows of new tokens are trained, tied or not; the folder gives the same logits when it is loaded.
TEST(NewTokens, TrainTheirRowsAloneUnderLora) {
  for (const std::string name : {"llama", "mistral"}) {
    const Golden golden(golden_dir() / name);
    BuildOptions build{.train = true, .vocab_size = 98};
    build.model.finetuning_type = "lora";
    build.model.add_tokens = {"<a>", "<b>"};
    BuiltModel built = load_model(name, build);
    EXPECT_EQ(built.config["vocab_size"], 98);
    EXPECT_EQ(built.model->vocab_size(), 98);
    PackedTokens tokens = golden.packed();
    tokens.ids_T[3] = 97;
    const at::Tensor before = logits_of(*built.model, tokens);
    mean_loss(before, golden.labels).backward();
    const std::string rows = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta";
    const at::Tensor trained = parameter(*built.model, rows);
    ASSERT_EQ(trained.sizes(), (std::vector<int64_t>{2, 32}));
    EXPECT_GT(trained.grad().abs().max().item<double>(), 0);
    EXPECT_FALSE(parameter(*built.model, "model.embed_tokens.weight").requires_grad());
    {
      const at::NoGradGuard no_grad;
      trained.add_(0.3);
    }
    const at::Tensor after = logits_of(*built.model, tokens);
    EXPECT_GT((after - before).abs().max().item<double>(), 0.01);

    const auto saved = built.model->adapter_weights({});
    EXPECT_EQ(saved->config["trainable_token_indices"]["embed_tokens"], Json({96, 97}));
    EXPECT_EQ(saved->config["trainable_token_indices"].contains("lm_head"), name == "mistral");
    const auto loaded = load_model(name, {.adapter = *saved}).model;
    expect_near(logits_of(*loaded, tokens), after, 1e-6, "unmerged");
    const HfFolder folder = HfFolder::open(golden_dir() / name);
    const auto merged = build_model(built.config, merge_lora(folder.tensors(), *saved), {}).model;
    expect_near(logits_of(*merged, tokens), after, 1e-5, "merged");
  }
}

TEST(NewTokens, AreMeanRowsOfATrainedTableInFullTuning) {
  BuildOptions build{.train = true, .vocab_size = 98};
  build.model.add_tokens = {"<a>", "<b>"};
  const auto model = load_model("mistral", build).model;
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
    const at::Tensor w = parameter(*model, name);
    EXPECT_TRUE(w.requires_grad());
    expect_near(w[97], w.slice(0, 0, 96).mean(0), 1e-6, name);
  }
}

TEST(ModulesToSave, AreLoadedTrainedAndSaved) {
  const std::string name = "base_model.model.lm_head.weight";
  AdapterWeights adapter{
      .config = {{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 8}, {"modules_to_save", {"lm_head"}}},
      .tensors = {{name, at::full({96, 32}, 0.5)}}};
  const auto model = load_model("mistral", {.train = true, .adapter = adapter}).model;
  EXPECT_TRUE(model->head_VD().equal(adapter.tensors[name]));
  EXPECT_TRUE(parameter(*model, name).requires_grad());
  const auto saved = model->adapter_weights({{name, at::full({96, 32}, 0.25)}});
  EXPECT_EQ(saved->config["modules_to_save"], Json({"lm_head"}));
  EXPECT_TRUE(saved->tensors.at(name).equal(at::full({96, 32}, 0.25))) << "masters take the model's place";
}

}  // namespace
}  // namespace keel::test
