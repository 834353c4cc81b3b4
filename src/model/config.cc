#include "model/config.h"

#include <fmt/format.h>

#include "base/error.h"
#include "model/registry.h"

namespace keel {
namespace {

// What lies above is a damaged file: the products of such sizes still fit into 64 bits.
constexpr int64_t kLargest = (int64_t{1} << 31) - 1, kMostLayers = 100'000;

}  // namespace

bool ConfigReader::has(const std::string& key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

const Json& ConfigReader::at(const std::string& key) const {
  if (!has(key)) {
    throw UserError(
        {.where = where_,
         .found = fmt::format("no key \"{}\"", key),
         .wanted = fmt::format("\"{}\", which this architecture needs", key),
         .hint = "the file may be cut or belong to another model; get config.json of the model again"});
  }
  return json_.at(key);
}

void ConfigReader::refuse(const std::string& key, const std::string& wanted, const std::string& hint) const {
  const std::string found = has(key) ? to_line(json_.at(key)) : "nothing";
  throw UserError(
      {.where = where_, .found = fmt::format("\"{}\": {}", key, found), .wanted = wanted, .hint = hint});
}

int64_t ConfigReader::positive(const std::string& key) const {
  const Json& value = at(key);
  if (!value.is_number_integer() || value.get<int64_t>() <= 0) refuse(key, "a positive whole number");
  if (value.get<int64_t>() > kLargest) refuse(key, fmt::format("a whole number up to {}", kLargest));
  return value.get<int64_t>();
}

int64_t ConfigReader::positive(const std::string& key, int64_t fallback) const {
  return has(key) ? positive(key) : fallback;
}

int64_t ConfigReader::count(const std::string& key, int64_t fallback) const {
  if (!has(key)) return fallback;
  const Json& value = at(key);
  const int64_t count = value.is_number_integer() ? value.get<int64_t>() : -1;
  if (count < 0) refuse(key, "a whole number, at least 0");
  return count;
}

double ConfigReader::number(const std::string& key) const {
  const Json& value = at(key);
  if (!value.is_number() || value.get<double>() <= 0) refuse(key, "a number above zero");
  return value.get<double>();
}

double ConfigReader::number(const std::string& key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

bool ConfigReader::flag(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_boolean()) refuse(key, "true or false");
  return at(key).get<bool>();
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_string()) refuse(key, "a text");
  return at(key).get<std::string>();
}

ConfigReader ConfigReader::object(const std::string& key) const {
  if (!at(key).is_object()) refuse(key, "an object");
  return ConfigReader(at(key), fmt::format("{}: {}", where_, key));
}

namespace {

RopeConfig read_rope_kind(const ConfigReader& reader, RopeConfig rope) {
  const std::string kind = reader.text("rope_type", reader.text("type", "default"));
  const char* key = reader.has("rope_type") ? "rope_type" : "type";
  if (kind == "default") return rope;
  if (kind == "linear") {
    rope.kind = RopeKind::kLinear;
    rope.factor = reader.number("factor");
    return rope;
  }
  if (kind != "llama3") {
    reader.refuse(key, "default, linear or llama3", "this kind of position scaling is not supported");
  }
  rope.kind = RopeKind::kLlama3;
  rope.factor = reader.number("factor");
  rope.low_freq_factor = reader.number("low_freq_factor");
  rope.high_freq_factor = reader.number("high_freq_factor");
  rope.original_max_positions = reader.positive("original_max_position_embeddings");
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    reader.refuse("high_freq_factor", fmt::format("more than low_freq_factor, {}", rope.low_freq_factor));
  }
  return rope;
}

RopeConfig read_rope(const ConfigReader& reader) {
  RopeConfig rope;
  const double old_theta = reader.number("rope_theta", 10000.0);
  rope.theta = old_theta;
  if (reader.number("partial_rotary_factor", 1.0) != 1.0) {
    reader.refuse("partial_rotary_factor", "1.0", "partial rotary positions are not supported");
  }
  if (reader.has("rope_parameters")) {
    const ConfigReader inner = reader.object("rope_parameters");
    rope.theta = inner.number("rope_theta", old_theta);
    if (reader.has("rope_theta") && rope.theta != old_theta) {
      reader.refuse("rope_theta", fmt::format("{}, as rope_parameters says", rope.theta),
                    "the two keys mean the same; keep one of them");
    }
    return read_rope_kind(inner, rope);
  }
  if (reader.has("rope_scaling")) return read_rope_kind(reader.object("rope_scaling"), rope);
  return rope;
}

void read_heads(const ConfigReader& reader, ModelConfig& config) {
  config.heads = reader.positive("num_attention_heads");
  config.kv_heads = reader.positive("num_key_value_heads", config.heads);
  if (config.heads % config.kv_heads != 0) {
    reader.refuse("num_key_value_heads", fmt::format("a divisor of num_attention_heads, {}", config.heads));
  }
  if (!reader.has("head_dim") && config.hidden_size % config.heads != 0) {
    reader.refuse("num_attention_heads",
                  fmt::format("a divisor of hidden_size, {}, or a key head_dim", config.hidden_size));
  }
  config.head_dim = reader.positive("head_dim", config.hidden_size / config.heads);
  if (config.head_dim % 2 != 0) reader.refuse("head_dim", "an even number (rotary positions turn pairs)");
}

}  // namespace

void read_sliding_window(const ConfigReader& reader, bool enabled, ModelConfig& config) {
  if (!enabled || !reader.has("sliding_window")) return;
  const int64_t window = reader.positive("sliding_window");
  if (!reader.has("layer_types")) {
    const int64_t first = reader.count("max_window_layers", 0);
    for (int64_t i = first; i < config.layers; ++i) config.window[i] = window;
    return;
  }
  const Json& types = reader.at("layer_types");
  if (!types.is_array() || static_cast<int64_t>(types.size()) != config.layers) {
    reader.refuse("layer_types", fmt::format("a list of num_hidden_layers, {}, kinds", config.layers));
  }
  for (int64_t i = 0; i < config.layers; ++i) {
    if (types[i] == "sliding_attention") config.window[i] = window;
  }
}

ModelConfig parse_model_config(const Json& json, const std::string& where) {
  if (!json.is_object())
    throw UserError({.where = where, .found = "not a JSON object", .wanted = "an object"});
  const ConfigReader reader(json, where);
  const Family& family = find_family(reader);

  ModelConfig config;
  config.architecture = family.architecture;
  config.hidden_size = reader.positive("hidden_size");
  config.intermediate_size = reader.positive("intermediate_size");
  config.layers = reader.positive("num_hidden_layers");
  if (config.layers > kMostLayers) reader.refuse("num_hidden_layers", fmt::format("at most {}", kMostLayers));
  config.vocab_size = reader.positive("vocab_size");
  config.max_positions = reader.positive("max_position_embeddings");
  config.rms_norm_eps = reader.number("rms_norm_eps");
  config.tied_head = reader.flag("tie_word_embeddings", false);
  config.window.assign(config.layers, 0);
  config.rope = read_rope(reader);
  config.dtype = reader.text("dtype", reader.text("torch_dtype", ""));
  read_heads(reader, config);
  if (reader.text("hidden_act", "silu") != "silu") reader.refuse("hidden_act", "silu");
  if (reader.has("quantization_config")) {
    reader.refuse("quantization_config", "weights that are not quantised",
                  "get the folder of the original model, in bfloat16 or float32");
  }
  family.configure(reader, config);
  return config;
}

}  // namespace keel
