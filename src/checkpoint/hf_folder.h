// A Hugging Face model folder: config.json, one or several safetensors files, tokenizer and the rest, which
// is kept as it is when a trained model is saved.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/tensors.h"

namespace keel {

// A folder, or a hub id ("org/name") looked up in the local Hugging Face and ModelScope caches (HF_HOME,
// HF_HUB_CACHE, MODELSCOPE_CACHE and their defaults). UserError with the download command when it is in
// neither.
std::filesystem::path resolve_model(const std::string& name_or_path);

struct HfFolder {
  std::filesystem::path dir;
  Json config;

  static HfFolder open(const std::filesystem::path& dir);
  std::filesystem::path config_path() const { return dir / "config.json"; }

  // Single file, shards by model.safetensors.index.json (paths that leave the folder are refused), metadata
  // aliases of tied weights. Missing or cut files, lying headers: UserError.
  TensorMap tensors() const;
};

// Fills `out` (an existing folder, usually of a PartFolder) with the weights, config and every other file of
// source except its weights. Weights larger than max_shard_bytes are split with an index file.
void save_hf_folder(const HfFolder& source, const TensorMap& tensors, const Json& config,
                    const std::filesystem::path& out, int64_t max_shard_bytes = 5'000'000'000);

// Bytes of what save_hf_folder would write into one file of weights; tensors without data will do.
int64_t hf_folder_bytes(const HfFolder& source, const TensorMap& tensors, const Json& config);

// GGUF (llama, qwen2, qwen3 architectures) to a Hugging Face folder: dequantised weights as `dtype`, config,
// tokenizer and chat template from the metadata.
void import_gguf(const std::filesystem::path& gguf, const std::filesystem::path& out, at::ScalarType dtype);

}  // namespace keel
