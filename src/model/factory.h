// A model from the content of its folder.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/lora.h"
#include "model/model.h"

namespace keel {

struct BuildOptions {
  ModelOptions model = {};              // finetuning_type, freeze, add_tokens, lora_*
  at::ScalarType compute = at::kFloat;  // or bfloat16
  bool train = false;                   // false: nothing needs a gradient, and every weight is held once
  uint64_t seed = 0;                    // of fresh adapters
  int64_t vocab_size = 0;               // rows that the tokenizer needs; the tables grow when they have fewer
  std::optional<AdapterWeights> adapter = {};  // to go on from, or to use unmerged
  // With model.add_tokens: the first id they got; ids [this, vocab_size) are new. Needed when they fit into
  // spare rows that the table has; without it, new are the rows by which the table grows.
  std::optional<int64_t> first_new_token = {};
  at::Device device = at::kCPU;
  std::string config_path = "config.json";  // for messages
};

struct BuiltModel {
  std::unique_ptr<CausalLM> model;
  Json config;  // config.json of the model as it is now (vocab_size)
};

// weights: by Hugging Face name, as HfFolder::tensors gives them; float32, bfloat16 or float16.
//
// What is trained: all but what `freeze` matches; under LoRA the adapters (fresh, or build.adapter), the rows
// of new tokens and what the adapter holds whole (modules_to_save), and nothing else. An adapter makes it
// LoRA whatever finetuning_type says.
//
// A Parameter's tensor is the leaf that the model reads: write new values into it (copy_), do not replace it.
// UserError for config and weights that do not fit, NaN in weights, patterns that match nothing.
BuiltModel build_model(const Json& hf_config, std::map<std::string, at::Tensor> weights,
                       const BuildOptions& build);

}  // namespace keel
