#include "model/lora_config.h"

#include <cmath>
#include <limits>
#include <set>

#include "model/config.h"

namespace keel {
namespace {

// A list, or one for each module, of which all are the same.
std::vector<int64_t> token_rows_of(const ConfigReader& reader) {
  constexpr const char* kKey = "trainable_token_indices";
  if (!reader.has(kKey)) return {};
  Json rows = reader.at(kKey);
  if (rows.is_object()) rows = rows.value("embed_tokens", Json::array());
  if (!rows.is_array()) reader.refuse(kKey, "a list of token ids");
  std::set<int64_t> ids;
  for (const Json& row : rows) {
    const int64_t id = row.is_number_integer() ? row.get<int64_t>() : -1;
    if (id < 0 || id > std::numeric_limits<int32_t>::max() || !ids.insert(id).second)
      reader.refuse(kKey, "token ids, each once");
  }
  return rows.get<std::vector<int64_t>>();
}

}  // namespace

double LoraConfig::scale(int64_t r) const {
  return alpha / (rslora ? std::sqrt(static_cast<double>(r)) : static_cast<double>(r));
}

LoraConfig lora_config(const ModelOptions& options) {
  return {.rank = options.lora_rank,
          .alpha = options.lora_alpha.value_or(2.0 * static_cast<double>(options.lora_rank)),
          .dropout = options.lora_dropout,
          .rslora = options.use_rslora,
          .targets = options.lora_target,
          .token_rows = {}};
}

LoraConfig lora_config(const Json& json, const std::string& where) {
  const ConfigReader reader(json, where);
  if (reader.text("peft_type", "") != "LORA") reader.refuse("peft_type", "LORA");
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias", "use_qalora"}) {
    if (reader.flag(key, false)) reader.refuse(key, "false", "this kind of adapter is not supported");
  }
  if (reader.text("bias", "none") != "none")
    reader.refuse("bias", "none", "trained biases are not supported");
  if (reader.has("alpha_pattern") && !reader.at("alpha_pattern").empty()) {
    reader.refuse("alpha_pattern", "an empty object", "one lora_alpha for all layers is supported");
  }
  LoraConfig config{.rank = reader.positive("r"),
                    .alpha = reader.number("lora_alpha"),
                    .rslora = reader.flag("use_rslora", false),
                    .targets = {},
                    .token_rows = {}};
  config.ranks_vary = reader.has("rank_pattern") && !reader.at("rank_pattern").empty();
  if (reader.has("lora_dropout")) {
    const Json& dropout = reader.at("lora_dropout");
    if (!dropout.is_number() || dropout.get<double>() < 0 || dropout.get<double>() >= 1)
      reader.refuse("lora_dropout", "a number from 0 to below 1");
    config.dropout = dropout.get<double>();
  }
  config.token_rows = token_rows_of(reader);
  return config;
}

}  // namespace keel
