#include "model/factory.h"

#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "model/config.h"
#include "model/decoder.h"
#include "model/weights.h"

namespace keel {
namespace {

const std::string kEmbedding = "model.embed_tokens.weight";
const std::string kHead = "lm_head.weight";

// The tables of a model whose tokenizer needs `rows` rows: grown by mean rows.
void grow_tables(NamedTensors& weights, int64_t rows, ModelConfig& config) {
  for (const std::string& name : {kEmbedding, kHead}) {
    const auto it = weights.find(name);
    if (it == weights.end() || it->second.dim() != 2 || it->second.size(0) != config.vocab_size) continue;
    if (rows > config.vocab_size) it->second = with_mean_rows(it->second, rows - config.vocab_size);
  }
  config.vocab_size = std::max(config.vocab_size, rows);
}

class Builder {
 public:
  Builder(const ModelConfig& config, WeightLoader& loader) : c_(config), loader_(loader) {}

  Linear linear(const std::string& name, int64_t outputs, int64_t inputs, bool bias) {
    const at::Tensor stored = loader_.stored(name + ".weight");
    Linear made{.name = name,
                .weight_OI = loader_.take(name + ".weight", {outputs, inputs}),
                .bias_O = {},
                .stored_OI = stored,
                .adapter = {}};
    if (bias) made.bias_O = loader_.take(name + ".bias", {outputs});
    return made;
  }

  Block block(int64_t i) {
    const std::string at = fmt::format("model.layers.{}.", i);
    const std::string attention = at + "self_attn.", mlp = at + "mlp.";
    const int64_t d = c_.hidden_size, q = c_.heads * c_.head_dim, kv = c_.kv_heads * c_.head_dim;
    Block b;
    b.kv_heads = c_.kv_heads;
    b.head_dim = c_.head_dim;
    b.group = c_.group();
    b.window = c_.window[i];
    b.eps = c_.rms_norm_eps;
    b.input_norm_D = loader_.take(at + "input_layernorm.weight", {d});
    b.q = linear(attention + "q_proj", q, d, c_.qkv_bias);
    b.k = linear(attention + "k_proj", kv, d, c_.qkv_bias);
    b.v = linear(attention + "v_proj", kv, d, c_.qkv_bias);
    b.o = linear(attention + "o_proj", d, q, c_.attention_out_bias);
    if (c_.qk_norm) {
      b.q_norm_d = loader_.take(attention + "q_norm.weight", {c_.head_dim});
      b.k_norm_d = loader_.take(attention + "k_norm.weight", {c_.head_dim});
    }
    b.post_norm_D = loader_.take(at + "post_attention_layernorm.weight", {d});
    b.gate = linear(mlp + "gate_proj", c_.intermediate_size, d, c_.mlp_bias);
    b.up = linear(mlp + "up_proj", c_.intermediate_size, d, c_.mlp_bias);
    b.down = linear(mlp + "down_proj", d, c_.intermediate_size, c_.mlp_bias);
    return b;
  }

  DecoderParts decoder() {
    DecoderParts parts{};
    parts.config = c_;
    parts.embedding.stored_VD = loader_.stored(kEmbedding);
    parts.embedding.weight_VD = loader_.take(kEmbedding, {c_.vocab_size, c_.hidden_size});
    for (int64_t i = 0; i < c_.layers; ++i) parts.blocks.push_back(block(i));
    parts.final_norm_D = loader_.take("model.norm.weight", {c_.hidden_size});
    if (c_.tied_head) {
      loader_.drop(kHead);  // some folders carry the tied head a second time
    } else {
      parts.head.stored_VD = loader_.stored(kHead);
      parts.head.weight_VD = loader_.take(kHead, {c_.vocab_size, c_.hidden_size});
    }
    parts.parameters = loader_.finish();
    return parts;
  }

 private:
  const ModelConfig& c_;
  WeightLoader& loader_;
};

// The rows of new tokens as a leaf of their own beside the frozen table.
void train_rows(TokenTable& table, const std::string& module, const std::vector<int64_t>& ids,
                const std::optional<AdapterWeights>& adapter, std::vector<Parameter>& parameters) {
  const std::string name = fmt::format("{}{}.token_adapter.trainable_tokens_delta", kPeftPrefix, module);
  const at::Tensor& w = table.weight_VD;
  table.row_ids_N = at::tensor(ids, at::kLong).to(w.device());
  table.row_of_V = at::full({w.size(0)}, -1, table.row_ids_N.options());
  table.row_of_V.index_copy_(0, table.row_ids_N,
                             at::arange(static_cast<int64_t>(ids.size()), table.row_ids_N.options()));
  table.rows_ND = w.index_select(0, table.row_ids_N).detach();
  if (adapter && adapter->tensors.contains(name)) {
    const auto count = static_cast<int64_t>(ids.size());
    table.rows_ND.copy_(adapter_tensor(*adapter, name, {count, w.size(1)}));
  }
  table.rows_ND.requires_grad_(true);
  parameters.push_back({.name = name, .tensor = table.rows_ND, .decay = true});
}

void refuse_leftovers(const AdapterWeights& adapter, const std::vector<std::string>& used) {
  for (const auto& [name, tensor] : adapter.tensors) {
    const bool is_used = std::find(used.begin(), used.end(), name) != used.end();
    if (is_used || name.ends_with(".trainable_tokens_delta")) continue;
    throw UserError({.where = "the adapter",
                     .found = fmt::format("{}, which the model has no place for", name),
                     .wanted = "lora_A and lora_B of linear layers of the base model",
                     .hint = "the adapter may belong to another base model"});
  }
}

void add_adapters(DecoderParts& parts, const BuildOptions& build, std::vector<std::string> used) {
  const LoraConfig& config = *parts.adapter;
  std::vector<Linear*> linears;
  for (Block& block : parts.blocks) {
    const std::vector<Linear*> more = block.linears();
    linears.insert(linears.end(), more.begin(), more.end());
  }
  if (build.adapter) {
    attach_loaded(linears, config, *build.adapter, build.compute, used);
    refuse_leftovers(*build.adapter, used);
  } else {
    attach_fresh(linears, config, build.seed, build.compute);
  }
  for (const Linear* l : linears) {
    if (!l->adapter) continue;
    const std::string name = fmt::format("{}{}.lora_", kPeftPrefix, l->name);
    parts.parameters.push_back({.name = name + "A.weight", .tensor = l->adapter->a_rI, .decay = true});
    parts.parameters.push_back({.name = name + "B.weight", .tensor = l->adapter->b_Or, .decay = true});
  }
  if (!config.token_rows.empty()) {
    train_rows(parts.embedding, "model.embed_tokens", config.token_rows, build.adapter, parts.parameters);
    if (parts.head.weight_VD.defined()) {
      train_rows(parts.head, "lm_head", config.token_rows, build.adapter, parts.parameters);
    }
  }
}

// Ids of the tokens that the tokenizer got for this model.
std::vector<int64_t> new_token_ids(const BuildOptions& build, int64_t rows_before) {
  std::vector<int64_t> ids;
  if (build.model.add_tokens.empty()) return ids;
  for (int64_t id = build.first_new_token.value_or(rows_before); id < build.vocab_size; ++id)
    ids.push_back(id);
  return ids;
}

LoraConfig lora_settings(const BuildOptions& build, const std::vector<int64_t>& new_ids) {
  LoraConfig config = build.adapter ? lora_config(build.adapter->config) : lora_config(build.model);
  if (build.train && config.ranks_vary)
    throw UserError({.where = "adapter_config.json",
                     .found = "\"rank_pattern\": ranks that vary from layer to layer",
                     .wanted = "one rank, to train the adapter further",
                     .hint = "keel merge makes a whole model of it, which can be trained"});
  for (const int64_t id : new_ids) {
    if (std::find(config.token_rows.begin(), config.token_rows.end(), id) == config.token_rows.end()) {
      config.token_rows.push_back(id);
    }
  }
  return config;
}

// Rows that the embedding must have: the tokenizer's, those of the adapter's own new tokens, those it was
// saved with.
int64_t rows_needed(const BuildOptions& build, const std::optional<LoraConfig>& adapter) {
  int64_t rows = build.vocab_size;
  if (!adapter) return rows;
  for (const int64_t id : adapter->token_rows) rows = std::max(rows, id + 1);
  return rows;
}

// Embeddings that an adapter brings whole may have grown already.
void follow_grown_embedding(const NamedTensors& weights, ModelConfig& config) {
  const auto it = weights.find(kEmbedding);
  if (it == weights.end() || it->second.dim() != 2) return;
  config.vocab_size = std::max(config.vocab_size, it->second.size(0));
}

}  // namespace

BuiltModel build_model(const Json& hf_config, NamedTensors weights, const BuildOptions& build) {
  KEEL_CHECK(build.compute == at::kFloat || build.compute == at::kBFloat16, "compute is float32 or bfloat16");
  const at::NoGradGuard no_grad;
  ModelConfig config = parse_model_config(hf_config, build.config_path);
  std::optional<LoraConfig> adapter;
  TakenNames whole;
  if (build.adapter || build.model.finetuning_type == "lora") {
    adapter = lora_settings(build, new_token_ids(build, config.vocab_size));
  }
  if (build.adapter) {
    take_whole_tensors(weights, *build.adapter, whole);
    follow_grown_embedding(weights, config);
  }
  grow_tables(weights, rows_needed(build, adapter), config);
  WeightLoader loader(std::move(weights), {.train_base = build.train && !adapter,
                                           .freeze = build.model.freeze,
                                           .always = whole.trained,
                                           .compute = build.compute,
                                           .device = build.device,
                                           .keep_stored = !build.train});
  DecoderParts parts = Builder(config, loader).decoder();
  parts.adapter = adapter;
  parts.base_name = build.model.model_name_or_path;
  if (adapter) add_adapters(parts, build, whole.used);
  freeze_matching(parts.parameters, build.model.freeze);
  if (!build.train) {
    for (Parameter& p : parts.parameters) p.tensor.requires_grad_(false);
  }
  BuiltModel built{.model = nullptr, .config = hf_config};
  built.config["vocab_size"] = config.vocab_size;
  built.model = std::make_unique<Decoder>(std::move(parts));
  return built;
}

}  // namespace keel
