#include <ATen/core/grad_mode.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/lora.h"
#include "model/weights.h"

namespace keel {

const at::Tensor& adapter_tensor(const AdapterWeights& adapter, const std::string& name,
                                 std::vector<int64_t> shape) {
  const auto it = adapter.tensors.find(name);
  if (it == adapter.tensors.end()) {
    throw UserError({.where = "the adapter",
                     .found = fmt::format("no tensor {}", name),
                     .wanted = "lora_A and lora_B of every layer it names",
                     .hint = "adapter_model.safetensors may be cut, or belong to another model"});
  }
  const at::Tensor& tensor = it->second;
  bool same = tensor.dim() == static_cast<int64_t>(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) same = shape[i] < 0 || tensor.size(i) == shape[i];
  if (!same) {
    const bool any_rank = std::ranges::any_of(shape, [](int64_t size) { return size < 0; });
    for (int64_t& size : shape) size = std::max<int64_t>(size, 0);
    throw UserError(
        {.where = "the adapter",
         .found = fmt::format("{} of shape {}", name, fmt::join(tensor.sizes(), "x")),
         .wanted = fmt::format("shape {}{}", fmt::join(shape, "x"), any_rank ? " (0: the rank)" : ""),
         .hint = "the adapter belongs to another base model, or adapter_config.json to another adapter"});
  }
  check_finite(name, tensor);
  return tensor;
}

at::Tensor with_mean_rows(const at::Tensor& weight, int64_t rows) {
  const at::Tensor mean = weight.to(at::kFloat).mean(0, true).to(weight.scalar_type());
  return at::cat({weight, mean.expand({rows, weight.size(1)})});
}

void take_whole_tensors(std::map<std::string, at::Tensor>& weights, const AdapterWeights& adapter,
                        TakenNames& taken) {
  constexpr std::string_view kBaseLayer = ".token_adapter.base_layer.weight";
  for (const auto& [name, tensor] : adapter.tensors) {
    if (!name.starts_with(kPeftPrefix) || name.find(".lora_") != std::string::npos) continue;
    if (name.ends_with(".trainable_tokens_delta")) continue;
    const bool base_layer = name.ends_with(kBaseLayer);
    std::string target = name.substr(kPeftPrefix.size());
    if (base_layer) target = target.substr(0, target.size() - kBaseLayer.size()) + ".weight";
    taken.used.push_back(name);
    if (target == "lm_head.weight" && !weights.contains(target)) continue;  // a tied head, saved twice
    if (!weights.contains(target)) {
      throw UserError({.where = "the adapter",
                       .found = fmt::format("{}, but the base model has no {}", name, target),
                       .wanted = "an adapter of this base model"});
    }
    if (!base_layer) taken.trained[target] = name;
    weights[target] = tensor;
  }
}

namespace {

void merge_token_rows(std::map<std::string, at::Tensor>& weights, const AdapterWeights& adapter,
                      const LoraConfig& config) {
  if (config.token_rows.empty()) return;
  const int64_t last = *std::max_element(config.token_rows.begin(), config.token_rows.end());
  for (const char* module : {"model.embed_tokens", "lm_head"}) {
    const auto it = weights.find(fmt::format("{}.weight", module));
    if (it == weights.end()) continue;
    at::Tensor& w = it->second;
    const std::string name = fmt::format("{}{}.token_adapter.trainable_tokens_delta", kPeftPrefix, module);
    const auto count = static_cast<int64_t>(config.token_rows.size());
    const at::Tensor& rows = adapter_tensor(adapter, name, {count, w.size(1)});
    if (last >= w.size(0)) w = with_mean_rows(w, last + 1 - w.size(0));
    w = w.index_copy(0, at::tensor(config.token_rows), rows.to(w.scalar_type()));
  }
}

}  // namespace

std::map<std::string, at::Tensor> merge_lora(std::map<std::string, at::Tensor> weights,
                                             const AdapterWeights& adapter) {
  const at::NoGradGuard no_grad;
  const LoraConfig config = lora_config(adapter.config);
  TakenNames taken;
  take_whole_tensors(weights, adapter, taken);
  merge_token_rows(weights, adapter, config);
  for (const auto& [name, a] : adapter.tensors) {
    const size_t at = name.find(".lora_A.weight");
    if (at == std::string::npos) continue;
    const std::string target = name.substr(kPeftPrefix.size(), at - kPeftPrefix.size()) + ".weight";
    const auto it = weights.find(target);
    if (it == weights.end()) {
      throw UserError({.where = "the adapter",
                       .found = fmt::format("{}, but the base model has no {}", name, target),
                       .wanted = "an adapter of this base model"});
    }
    at::Tensor& w = it->second;
    adapter_tensor(adapter, name, {config.wanted_rank(), w.size(1)});
    const at::Tensor& b =
        adapter_tensor(adapter, name.substr(0, at) + ".lora_B.weight", {w.size(0), a.size(0)});
    const at::Tensor delta = at::mm(b.to(at::kFloat), a.to(at::kFloat));
    w = at::add(w.to(at::kFloat), delta, config.scale(a.size(0))).to(w.scalar_type());
  }
  return weights;
}

}  // namespace keel
