// Settings of low-rank adapters, from options or from PEFT's adapter_config.json (torch-free).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/options.h"

namespace keel {

struct LoraConfig {
  int64_t rank = 16;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;               // scale alpha / sqrt(rank) instead of alpha / rank
  bool ranks_vary = false;           // rank_pattern: each layer's tensors tell its own
  std::vector<std::string> targets;  // module names, globs, or "all"; unused for a loaded adapter
  std::vector<int64_t> token_rows;   // embedding rows that are trained beside the adapters

  double scale(int64_t rank_of_layer) const;
  int64_t wanted_rank() const { return ranks_vary ? -1 : rank; }  // of a loaded layer; -1: any
};

LoraConfig lora_config(const ModelOptions& options);

// UserError for what would change the numbers and is not supported (DoRA, alpha patterns, …), and for values
// that cannot be.
LoraConfig lora_config(const Json& adapter_config, const std::string& where = "adapter_config.json");

}  // namespace keel
