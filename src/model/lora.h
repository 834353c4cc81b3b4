// Low-rank adapters in PEFT's terms: its config keys, tensor names and arithmetic, so that an adapter goes
// from one to the other.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/linear.h"
#include "model/lora_config.h"

namespace keel {

inline constexpr std::string_view kPeftPrefix = "base_model.model.";

// Fresh adapters on the layers that `targets` name: A uniform in ±1/sqrt(inputs) from the stream (seed,
// layer), B zero. UserError, with near names, for a target that names no layer. Leaves of `dtype`.
void attach_fresh(std::span<Linear* const> linears, const LoraConfig& config, uint64_t seed,
                  at::ScalarType dtype);

// From an adapter's lora_A and lora_B tensors; the names used are appended to `used`.
void attach_loaded(std::span<Linear* const> linears, const LoraConfig& config, const AdapterWeights& adapter,
                   at::ScalarType dtype, std::vector<std::string>& used);

// What PEFT opens, from the parameters of a model with adapters (those named base_model.…). Tensors are
// detached and in the given dtype. base: base_model_name_or_path.
AdapterWeights export_adapter(std::span<const Parameter> parameters, const LoraConfig& config,
                              const std::string& base, at::ScalarType dtype = at::kFloat);

// Base weights by Hugging Face name with the adapter added in fp32, W + scale·B·A, each rounded once to the
// dtype it had. UserError when the adapter belongs to another model.
std::map<std::string, at::Tensor> merge_lora(std::map<std::string, at::Tensor> weights,
                                             const AdapterWeights& adapter);

// A tensor of the adapter, checked; -1 in shape: any size. UserError when it is missing or has another shape.
const at::Tensor& adapter_tensor(const AdapterWeights& adapter, const std::string& name,
                                 std::vector<int64_t> shape);

// Tensors that the adapter replaces as a whole: modules_to_save, and embeddings that PEFT saved because they
// had grown.
struct TakenNames {
  std::vector<std::string> used;               // names of the adapter's tensors
  std::map<std::string, std::string> trained;  // weight to the adapter's name of it, for modules_to_save
};
void take_whole_tensors(std::map<std::string, at::Tensor>& weights, const AdapterWeights& adapter,
                        TakenNames& taken);

// Rows appended to an embedding or head: the mean of the existing ones, as transformers starts new tokens.
at::Tensor with_mean_rows(const at::Tensor& weight_VD, int64_t rows);

}  // namespace keel
