// Qwen2 and Qwen2.5: biases on queries, keys and values, always; windows only with use_sliding_window.
#include "model/registry.h"

namespace keel {

Family qwen2_family() {
  return {.architecture = "Qwen2ForCausalLM",
          .model_type = "qwen2",
          .configure = [](const ConfigReader& reader, ModelConfig& config) {
            config.qkv_bias = true;
            read_sliding_window(reader, reader.flag("use_sliding_window", false), config);
          }};
}

}  // namespace keel
