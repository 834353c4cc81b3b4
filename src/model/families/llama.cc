// Llama 1–3, SmolLM2, TinyLlama: the plain block; biases only where the config asks for them.
#include "model/registry.h"

namespace keel {

Family llama_family() {
  return {.architecture = "LlamaForCausalLM",
          .model_type = "llama",
          .configure = [](const ConfigReader& reader, ModelConfig& config) {
            config.qkv_bias = config.attention_out_bias = reader.flag("attention_bias", false);
            config.mlp_bias = reader.flag("mlp_bias", false);
          }};
}

}  // namespace keel
