// config.json of a model and adapter_config.json of an adapter. Sizes that are accepted can be reckoned with.
#include "base/json.h"
#include "fuzz/fuzz_target.h"
#include "model/config.h"
#include "model/lora_config.h"

namespace keel::fuzz {
namespace {

void check_model(const Json& json) {
  const ModelConfig config = parse_model_config(json);
  KEEL_CHECK(config.window.size() == static_cast<size_t>(config.layers), "a window for each layer");
  for (const int64_t window : config.window) KEEL_CHECK(window >= 0, "a window of fewer than no keys");
  KEEL_CHECK(config.heads * config.head_dim > 0 && config.heads % config.kv_heads == 0, "heads in groups");
}

void check_adapter(const Json& json) {
  const LoraConfig config = lora_config(json);
  KEEL_CHECK(config.rank > 0 && config.scale(config.rank) > 0, "an adapter that does something");
  for (const int64_t id : config.token_rows) KEEL_CHECK(id >= 0, "a row before the first");
}

}  // namespace

void fuzz_one(std::string_view input) {
  const Json json = parse_json(input, "config.json");
  attempt([&] { check_model(json); });
  check_adapter(json);
}

}  // namespace keel::fuzz
