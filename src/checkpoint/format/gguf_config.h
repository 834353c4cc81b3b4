// What GGUF metadata say about the model, as a Hugging Face config, and what each tensor is called there.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/format/gguf.h"

namespace keel {

// config.json in the keys that every version of transformers reads (rope_theta, torch_dtype): architectures
// llama (also Mistral), qwen2 and qwen3. torch_dtype: "float32", …
Json gguf_config(const GgufFile& file, const std::string& torch_dtype);

// generation_config.json: the tokens that begin and end.
Json gguf_generation_config(const GgufFile& file);

struct GgufWeight {
  std::string gguf, hf;
  // Heads whose rows the file holds pairwise interleaved (llama: q and k); 0: as they are.
  int64_t interleaved_heads = 0;
};

// Every weight of the model. UserError when the file lacks one or holds one that has no place in it.
std::vector<GgufWeight> gguf_weights(const GgufFile& file, const Json& config);

}  // namespace keel
