// Qwen3: each head of queries and keys is normalised before it is turned; head_dim is free of hidden_size.
#include "model/registry.h"

namespace keel {

Family qwen3_family() {
  return {.architecture = "Qwen3ForCausalLM",
          .model_type = "qwen3",
          .configure = [](const ConfigReader& reader, ModelConfig& config) {
            config.qk_norm = true;
            config.qkv_bias = config.attention_out_bias = reader.flag("attention_bias", false);
            if (!reader.has("head_dim")) config.head_dim = 128;
            read_sliding_window(reader, reader.flag("use_sliding_window", false), config);
          }};
}

}  // namespace keel
