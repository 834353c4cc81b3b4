// The model families, one line each. A family is its config keys: all of them share the block of
// model/block.h, which does what the config says (bias, norm of queries and keys, windows).
#pragma once

#include <span>
#include <string>

#include "model/config.h"

namespace keel {

struct Family {
  std::string architecture;  // as in config.json
  std::string model_type;    // used when config.json names no architecture
  void (*configure)(const ConfigReader& reader, ModelConfig& config);
};

std::span<const Family> model_families();

// By "architectures", else by "model_type". UserError with the list of known ones.
const Family& find_family(const ConfigReader& reader);

Family llama_family();
Family mistral_family();
Family qwen2_family();
Family qwen3_family();

}  // namespace keel
