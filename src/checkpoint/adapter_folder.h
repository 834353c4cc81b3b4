// A LoRA adapter in PEFT's folder format: adapter_config.json and adapter_model.safetensors. What the keys
// and the tensors' names mean is model/lora's business; here they are only files.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "checkpoint/tensors.h"

namespace keel {

struct AdapterFolder {
  std::filesystem::path dir;
  Json config;

  // A folder or a hub id in the local caches. UserError when it is no adapter, or one of another method than
  // LoRA.
  static AdapterFolder open(const std::string& name_or_path);

  TensorMap tensors() const;  // by PEFT's names; UserError when the weights are missing, cut or pickled
};

// Fills `out` (an existing folder, usually of a PartFolder).
void save_adapter(const std::filesystem::path& out, const Json& config, const TensorMap& tensors);
int64_t adapter_bytes(const Json& config, const TensorMap& tensors);  // of the files that it would write

}  // namespace keel
