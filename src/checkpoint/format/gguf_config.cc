#include "checkpoint/format/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <set>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

constexpr const char* kRopeFactors = "rope_freqs.weight";  // derived from the config, no weight of its own

struct Family {
  const char* arch;
  const char* architecture;
  bool interleaved, qkv_bias, qk_norm;
};
constexpr std::array<Family, 3> kFamilies{{{"llama", "LlamaForCausalLM", true, false, false},
                                           {"qwen2", "Qwen2ForCausalLM", false, true, false},
                                           {"qwen3", "Qwen3ForCausalLM", false, false, true}}};

const Family& family_of(const GgufFile& file) {
  const std::string arch = file.text("general.architecture");
  std::vector<std::string> known;
  for (const Family& family : kFamilies) {
    if (arch == family.arch) return family;
    known.emplace_back(family.arch);
  }
  throw UserError({.where = file.where,
                   .found = fmt::format("architecture \"{}\"", arch),
                   .wanted = join(known),
                   .hint = "fine-tune a model of one of these families"});
}

// Floats of the file are single precision: 1e-5f is meant as 1e-05, not as 9.999999747378752e-06.
double shortest(double value) { return std::stod(fmt::format("{}", static_cast<float>(value))); }

double positive_number(const GgufFile& file, const std::string& key, double otherwise) {
  const double value = file.find_number(key).value_or(otherwise);
  if (!(value > 0 && value <= std::numeric_limits<float>::max()))
    refuse(file, fmt::format("metadata \"{}\": {}", key, value), "a finite number above 0",
           "the file is damaged: download it again");
  return shortest(value);
}

// How Llama 3.1 and later stretch a frequency: low ones by 1/factor, high ones not, between by a ramp.
double llama3_factor(double frequency, double factor) {
  const double turns = 8192 * frequency / (2 * std::numbers::pi);
  if (turns > 4) return 1;
  if (turns < 1) return factor;
  const double smooth = (turns - 1) / 3;
  return 1 / ((1 - smooth) / factor + smooth);
}

// The file holds the finished factors, not what they were made from. low 1, high 4 and 8192 positions are the
// same in all Llama 3.x, the largest factor is the factor; the rest is checked against it.
Json llama3_scaling(const GgufFile& file, const GgufTensor& tensor, double theta) {
  std::vector<float> factors(tensor.bytes.size() / tensor.type->bytes * tensor.type->block);
  dequantize(*tensor.type, tensor.bytes, factors);
  const double factor = *std::max_element(factors.begin(), factors.end());
  for (size_t i = 0; i < factors.size(); ++i) {
    const double frequency = std::pow(theta, -static_cast<double>(i) / static_cast<double>(factors.size()));
    const double expected = llama3_factor(frequency, factor);
    if (!(std::abs(factors[i] - expected) <= 1e-3 * expected))
      refuse(
          file, fmt::format("{}: factor {} at {}", kRopeFactors, factors[i], i),
          fmt::format("{:.6g}, as in Llama 3.x (low 1, high 4, 8192 positions, factor {})", expected, factor),
          "import this model from its Hugging Face folder instead");
  }
  return {{"rope_type", "llama3"},
          {"factor", shortest(factor)},
          {"low_freq_factor", 1.0},
          {"high_freq_factor", 4.0},
          {"original_max_position_embeddings", 8192}};
}

Json rope_scaling(const GgufFile& file, const std::string& prefix, double theta) {
  if (const GgufTensor* factors = file.find_tensor(kRopeFactors))
    return llama3_scaling(file, *factors, theta);
  const std::string type = file.find_text(prefix + "rope.scaling.type").value_or("none");
  if (type == "none") return nullptr;
  if (type != "linear" && type != "yarn") refuse(file, "rope scaling \"" + type + "\"", "none, linear, yarn");
  const double factor = positive_number(file, prefix + "rope.scaling.factor", 1);
  Json out{{"rope_type", type}, {"factor", factor}};
  if (const auto length = file.find_integer(prefix + "rope.scaling.original_context_length"))
    out["original_max_position_embeddings"] = *length;
  return out;
}

int64_t head_dim(const GgufFile& file, const std::string& prefix, int64_t hidden, int64_t heads) {
  if (file.find_integer(prefix + "attention.key_length")) return file.size(prefix + "attention.key_length");
  if (hidden % heads != 0)
    refuse(file, fmt::format("{} values for {} heads", hidden, heads), "a whole number each");
  return hidden / heads;
}

// Turning only part of a head, several experts, several files: nothing that these families have here.
void refuse_variants(const GgufFile& file, const std::string& prefix, int64_t head) {
  if (file.find_integer(prefix + "expert_count").value_or(0) > 0)
    refuse(file, "a mixture of experts", "a dense model", "fine-tune a dense model of the family");
  if (file.find_integer("split.count").value_or(1) > 1)
    refuse(file, "one part of a split file", "one whole file",
           "join the parts with llama-gguf-split --merge");
  if (file.find_integer(prefix + "rope.dimension_count").value_or(head) != head)
    refuse(file, "rotary positions on a part of each head", fmt::format("{} dimensions", head));
}

const GgufTensor& embedding_of(const GgufFile& file) {
  const GgufTensor* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    refuse(file, "no token_embd.weight", "a model's weights", "this may be a file of vocabulary only");
  return *embedding;
}

void put_token(const GgufFile& file, Json& out, const char* key, const char* metadata_key) {
  if (const auto id = file.find_integer(metadata_key)) out[key] = *id;
}

struct LayerPart {
  const char *gguf, *hf;
};
constexpr std::array<LayerPart, 9> kLayer{{{"attn_norm.weight", "input_layernorm.weight"},
                                           {"attn_q.weight", "self_attn.q_proj.weight"},
                                           {"attn_k.weight", "self_attn.k_proj.weight"},
                                           {"attn_v.weight", "self_attn.v_proj.weight"},
                                           {"attn_output.weight", "self_attn.o_proj.weight"},
                                           {"ffn_norm.weight", "post_attention_layernorm.weight"},
                                           {"ffn_gate.weight", "mlp.gate_proj.weight"},
                                           {"ffn_up.weight", "mlp.up_proj.weight"},
                                           {"ffn_down.weight", "mlp.down_proj.weight"}}};
constexpr std::array<LayerPart, 3> kBiases{{{"attn_q.bias", "self_attn.q_proj.bias"},
                                            {"attn_k.bias", "self_attn.k_proj.bias"},
                                            {"attn_v.bias", "self_attn.v_proj.bias"}}};
constexpr std::array<LayerPart, 2> kQkNorms{
    {{"attn_q_norm.weight", "self_attn.q_norm.weight"}, {"attn_k_norm.weight", "self_attn.k_norm.weight"}}};

std::vector<LayerPart> layer_parts(const Family& family) {
  std::vector<LayerPart> parts(kLayer.begin(), kLayer.end());
  if (family.qkv_bias) parts.insert(parts.end(), kBiases.begin(), kBiases.end());
  if (family.qk_norm) parts.insert(parts.end(), kQkNorms.begin(), kQkNorms.end());
  return parts;
}

// Exactly the weights of the model: one too many would be dropped in silence, one too few found out late.
void check_complete(const GgufFile& file, const std::vector<GgufWeight>& weights) {
  std::set<std::string> wanted{kRopeFactors};
  for (const GgufWeight& weight : weights) {
    wanted.insert(weight.gguf);
    if (file.find_tensor(weight.gguf) == nullptr)
      refuse(file, fmt::format("no tensor \"{}\"", weight.gguf), "every weight of the model",
             "the file is damaged or of an unusual variant: take another one");
  }
  for (const GgufTensor& tensor : file.tensors)
    if (!wanted.contains(tensor.name))
      refuse(file, fmt::format("tensor \"{}\"", tensor.name.substr(0, 80)),
             "only weights that the architecture " + file.text("general.architecture") + " has",
             "this variant is not supported");
}

}  // namespace

Json gguf_config(const GgufFile& file, const std::string& torch_dtype) {
  const Family& family = family_of(file);
  const std::string prefix = std::string(family.arch) + ".";
  const GgufTensor& embedding = embedding_of(file);
  const int64_t hidden = file.size(prefix + "embedding_length");
  const int64_t heads = file.size(prefix + "attention.head_count");
  const int64_t head = head_dim(file, prefix, hidden, heads);
  refuse_variants(file, prefix, head);
  const bool own_kv = file.find_integer(prefix + "attention.head_count_kv").has_value();
  const double theta = positive_number(file, prefix + "rope.freq_base", 10000);
  Json config{{"architectures", {family.architecture}},
              {"model_type", family.arch},
              {"vocab_size", embedding.shape[0]},
              {"hidden_size", hidden},
              {"intermediate_size", file.size(prefix + "feed_forward_length")},
              {"num_hidden_layers", file.size(prefix + "block_count")},
              {"num_attention_heads", heads},
              {"num_key_value_heads", own_kv ? file.size(prefix + "attention.head_count_kv") : heads},
              {"head_dim", head},
              {"hidden_act", "silu"},
              {"max_position_embeddings", file.size(prefix + "context_length")},
              {"rms_norm_eps", positive_number(file, prefix + "attention.layer_norm_rms_epsilon", 1e-5)},
              {"rope_theta", theta},
              {"rope_scaling", rope_scaling(file, prefix, theta)},
              {"attention_bias", false},
              {"attention_dropout", 0.0},
              {"tie_word_embeddings", file.find_tensor("output.weight") == nullptr},
              {"initializer_range", 0.02},
              {"use_cache", true},
              {"torch_dtype", torch_dtype}};
  if (family.interleaved) config["mlp_bias"] = false;
  if (family.qkv_bias) config.erase("attention_bias");  // Qwen2 always has it and knows no key for it
  put_token(file, config, "bos_token_id", "tokenizer.ggml.bos_token_id");
  put_token(file, config, "eos_token_id", "tokenizer.ggml.eos_token_id");
  put_token(file, config, "pad_token_id", "tokenizer.ggml.padding_token_id");
  return config;
}

Json gguf_generation_config(const GgufFile& file) {
  Json out = Json::object();
  put_token(file, out, "bos_token_id", "tokenizer.ggml.bos_token_id");
  put_token(file, out, "eos_token_id", "tokenizer.ggml.eos_token_id");
  put_token(file, out, "pad_token_id", "tokenizer.ggml.padding_token_id");
  const auto turn = file.find_integer("tokenizer.ggml.eot_token_id");
  if (turn && out.contains("eos_token_id") && out["eos_token_id"] != *turn)
    out["eos_token_id"] = {out["eos_token_id"], *turn};
  return out;
}

std::vector<GgufWeight> gguf_weights(const GgufFile& file, const Json& config) {
  const Family& family = family_of(file);
  std::vector<GgufWeight> out{{"token_embd.weight", "model.embed_tokens.weight"},
                              {"output_norm.weight", "model.norm.weight"}};
  if (!config.at("tie_word_embeddings").get<bool>()) out.push_back({"output.weight", "lm_head.weight"});
  const std::vector<LayerPart> parts = layer_parts(family);
  for (int64_t layer = 0; layer < config.at("num_hidden_layers").get<int64_t>(); ++layer) {
    for (const LayerPart& part : parts) {
      const std::string name = part.gguf;
      int64_t heads = 0;
      if (family.interleaved && name == "attn_q.weight")
        heads = config.at("num_attention_heads").get<int64_t>();
      if (family.interleaved && name == "attn_k.weight")
        heads = config.at("num_key_value_heads").get<int64_t>();
      out.push_back(
          {fmt::format("blk.{}.{}", layer, name), fmt::format("model.layers.{}.{}", layer, part.hf), heads});
    }
    if (out.size() > 2 * file.tensors.size() + 64) break;  // a block count that lies; check_complete names it
  }
  check_complete(file, out);
  return out;
}

}  // namespace keel
