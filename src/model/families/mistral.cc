// Mistral 7B: the plain block. Early versions see a window of keys in every layer (sliding_window); a
// sequence that is not longer than the window is computed as without one.
#include "model/registry.h"

namespace keel {

Family mistral_family() {
  return {.architecture = "MistralForCausalLM",
          .model_type = "mistral",
          .configure = [](const ConfigReader& reader, ModelConfig& config) {
            read_sliding_window(reader, true, config);
          }};
}

}  // namespace keel
