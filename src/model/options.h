// Options of the model and its adapters (torch-free: config/ sees this header).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

struct ModelOptions {
  std::string model_name_or_path;
  std::string adapter_name_or_path;
  std::string finetuning_type = "full";
  std::string device = "auto";
  std::string precision = "auto";
  bool gradient_checkpointing = false;
  std::vector<std::string> freeze;
  std::vector<std::string> add_tokens;
  int64_t lora_rank = 16;
  std::optional<double> lora_alpha;
  double lora_dropout = 0.0;
  bool use_rslora = false;
  std::vector<std::string> lora_target = {"all"};

  template <class V>
  void fields(V& v) {
    v.group("model");
    v("model_name_or_path", model_name_or_path,
      "Hugging Face folder, or a hub id that is in the local Hugging Face or ModelScope cache",
      {.aliases = {"model", "base_model", "model_path_to_load"}});
    v("adapter_name_or_path", adapter_name_or_path,
      "PEFT adapter folder: training continues from it; chat, eval and generate use it unmerged",
      {.aliases = {"lora_path", "lora_model_dir", "adapters"}});
    v("finetuning_type", finetuning_type, "what is trained",
      {.aliases = {"tuner_type", "train_type"}, .choices = {"full", "lora"}});
    v("device", device,
      "where it computes: auto (the first GPU, else the CPU), cpu, cuda or cuda:N; GPUs: docs/gpu.md",
      {.free_on_resume = true});
    v("precision", precision, "compute type; auto measures whether bf16 is fast on this machine",
      {.aliases = {"dtype", "torch_dtype", "data_type"}, .choices = {"auto", "fp32", "bf16"}});
    v("gradient_checkpointing", gradient_checkpointing,
      "recompute each block in the backward pass: less memory, about a quarter more time",
      {.aliases = {"enable_gradit_checkpoing"}});
    v("freeze", freeze, "glob patterns of parameters that are not trained, such as *.embed_tokens.*");
    v("add_tokens", add_tokens, "new tokens; embeddings grow and the new rows are trained, also under LoRA");
    v.group("lora");
    v("lora_rank", lora_rank, "rank of the adapters", {.aliases = {"lora_r", "r"}, .min = 1});
    v("lora_alpha", lora_alpha, "scale numerator; default twice the rank", {.min = 0});
    v("lora_dropout", lora_dropout, "dropout on the adapters' input", {.min = 0, .max = 0.999});
    v("use_rslora", use_rslora, "scale alpha/sqrt(rank) instead of alpha/rank",
      {.aliases = {"peft_use_rslora"}});
    v("lora_target", lora_target, "module names or glob patterns, or all (every linear layer of the blocks)",
      {.aliases = {"lora_target_modules", "target_modules"}});
  }
};

}  // namespace keel
