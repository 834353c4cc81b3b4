// What a decoder model is, as numbers: read from the config.json of a Hugging Face folder, with the keys of
// transformers 4 (rope_theta, rope_scaling, torch_dtype) and 5 (rope_parameters, dtype).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace keel {

enum class RopeKind { kDefault, kLinear, kLlama3 };

// Rotary positions (Su et al., 2021). llama3 stretches the long wavelengths by `factor` and blends between
// low_freq_factor and high_freq_factor (Llama 3.1 model card).
struct RopeConfig {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_positions = 0;
};

struct ModelConfig {
  std::string architecture;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_positions = 0;
  double rms_norm_eps = 0;
  bool tied_head = false;
  bool qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;
  RopeConfig rope;
  std::vector<int64_t> window;  // per layer: keys that a query sees, itself included; 0: all before it
  std::string dtype;            // "float32", "bfloat16", "float16", or "" when the file does not say

  int64_t group() const { return heads / kv_heads; }  // query heads per key head
};

// Reads typed keys; a missing or wrong one is a UserError that names the key.
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  bool has(const std::string& key) const;  // present and not null
  int64_t positive(const std::string& key) const;
  int64_t positive(const std::string& key, int64_t fallback) const;
  int64_t count(const std::string& key, int64_t fallback) const;  // from 0
  double number(const std::string& key) const;
  double number(const std::string& key, double fallback) const;
  bool flag(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  const Json& at(const std::string& key) const;
  ConfigReader object(const std::string& key) const;
  [[noreturn]] void refuse(const std::string& key, const std::string& wanted,
                           const std::string& hint = "") const;
  const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
};

// The architecture is looked up in the registry, whose family adds its own keys. `where` goes into messages.
// UserError: unknown architecture, missing or contradictory keys, an activation other than silu.
ModelConfig parse_model_config(const Json& config, const std::string& where = "config.json");

// For families: a window for all layers from sliding_window, or as layer_types says.
void read_sliding_window(const ConfigReader& reader, bool enabled, ModelConfig& config);

}  // namespace keel
