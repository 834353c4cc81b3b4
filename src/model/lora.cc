#include "model/lora.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/names.h"
#include "base/rng.h"

namespace keel {
namespace {

std::string short_name(const std::string& module) { return module.substr(module.rfind('.') + 1); }

std::string tensor_name(const Linear& linear, char side) {
  return fmt::format("{}{}.lora_{}.weight", kPeftPrefix, linear.name, side);
}

bool names_layer(const std::string& target, const std::string& module) {
  if (target == "all" || target == "all-linear") return true;
  return module == target || module.ends_with("." + target) || matches_glob(module, target);
}

void check_targets(std::span<Linear* const> linears, const std::vector<std::string>& targets) {
  if (targets.empty()) {
    throw UserError({.where = "lora_target", .found = "an empty list", .wanted = "module names, or all"});
  }
  std::vector<std::string> known;
  for (const Linear* linear : linears) {
    const std::string name = short_name(linear->name);
    if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
  }
  for (const std::string& target : targets) {
    const auto named = [&](const Linear* linear) { return names_layer(target, linear->name); };
    if (std::any_of(linears.begin(), linears.end(), named)) continue;
    const std::string near = nearest_name(target, known);
    throw UserError({.where = "lora_target",
                     .found = fmt::format("\"{}\", which names no linear layer of the blocks", target),
                     .wanted = "all, a pattern, or names among " + join(known),
                     .hint = near.empty() ? "" : fmt::format("did you mean \"{}\"?", near)});
  }
}

at::Tensor leaf(const at::Tensor& values, at::ScalarType dtype, at::Device device) {
  return values.to(device, dtype, false, true).contiguous().requires_grad_(true);
}

}  // namespace

void attach_fresh(std::span<Linear* const> linears, const LoraConfig& config, uint64_t seed,
                  at::ScalarType dtype) {
  check_targets(linears, config.targets);
  for (size_t i = 0; i < linears.size(); ++i) {
    Linear& linear = *linears[i];
    const auto named = [&](const std::string& target) { return names_layer(target, linear.name); };
    if (std::none_of(config.targets.begin(), config.targets.end(), named)) continue;
    const int64_t inputs = linear.weight_OI.size(1), outputs = linear.weight_OI.size(0);
    const at::Tensor a = at::empty({config.rank, inputs}, at::kFloat);
    Rng rng(seed, "lora init", 0, i);
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
    for (float& x : std::span(a.data_ptr<float>(), a.numel())) {
      x = static_cast<float>((2 * rng.uniform() - 1) * bound);
    }
    const at::Device device = linear.weight_OI.device();
    linear.adapter = LowRank{.a_rI = leaf(a, dtype, device),
                             .b_Or = leaf(at::zeros({outputs, config.rank}), dtype, device),
                             .scale = config.scale(config.rank),
                             .dropout = config.dropout,
                             .index = i};
  }
}

void attach_loaded(std::span<Linear* const> linears, const LoraConfig& config, const AdapterWeights& adapter,
                   at::ScalarType dtype, std::vector<std::string>& used) {
  for (size_t i = 0; i < linears.size(); ++i) {
    Linear& linear = *linears[i];
    const std::string a_name = tensor_name(linear, 'A'), b_name = tensor_name(linear, 'B');
    if (!adapter.tensors.contains(a_name) && !adapter.tensors.contains(b_name)) continue;
    const at::Tensor& a = adapter_tensor(adapter, a_name, {config.wanted_rank(), linear.weight_OI.size(1)});
    const at::Tensor& b = adapter_tensor(adapter, b_name, {linear.weight_OI.size(0), a.size(0)});
    const at::Device device = linear.weight_OI.device();
    linear.adapter = LowRank{.a_rI = leaf(a, dtype, device),
                             .b_Or = leaf(b, dtype, device),
                             .scale = config.scale(a.size(0)),
                             .dropout = config.dropout,
                             .index = i};
    used.insert(used.end(), {a_name, b_name});
  }
}

namespace {

// Short names when every layer of that name has an adapter, else the full ones: PEFT matches by ending.
std::vector<std::string> target_modules(std::span<const Parameter> parameters) {
  const std::string_view side = ".lora_A.weight";
  std::map<std::string, std::set<std::string>> with_adapter, all;
  for (const Parameter& p : parameters) {
    if (p.name.starts_with(kPeftPrefix) && p.name.ends_with(side)) {
      const size_t prefix = kPeftPrefix.size();
      const std::string module = p.name.substr(prefix, p.name.size() - prefix - side.size());
      with_adapter[short_name(module)].insert(module);
    } else if (p.name.ends_with(".weight")) {
      const std::string module = p.name.substr(0, p.name.size() - 7);
      all[short_name(module)].insert(module);
    }
  }
  std::vector<std::string> targets;
  for (const auto& [name, modules] : with_adapter) {
    if (modules == all[name]) {
      targets.push_back(name);
    } else {
      targets.insert(targets.end(), modules.begin(), modules.end());
    }
  }
  return targets;
}

Json adapter_config_json(const LoraConfig& config, const std::string& base,
                         std::span<const Parameter> parameters) {
  Json json = {{"peft_type", "LORA"},
               {"task_type", "CAUSAL_LM"},
               {"base_model_name_or_path", base},
               {"r", config.rank},
               {"lora_alpha", config.alpha},
               {"lora_dropout", config.dropout},
               {"use_rslora", config.rslora},
               {"target_modules", target_modules(parameters)},
               {"bias", "none"},
               {"fan_in_fan_out", false},
               {"inference_mode", true},
               {"init_lora_weights", true},
               {"modules_to_save", nullptr},
               {"trainable_token_indices", nullptr}};
  if (config.alpha == std::floor(config.alpha)) json["lora_alpha"] = static_cast<int64_t>(config.alpha);
  std::vector<std::string> whole;
  Json rows = Json::object();
  for (const Parameter& p : parameters) {
    if (!p.name.starts_with(kPeftPrefix) || p.name.find(".lora_") != std::string::npos) continue;
    std::string module = p.name.substr(0, p.name.rfind('.'));
    if (p.name.ends_with(".trainable_tokens_delta")) {
      module.resize(module.rfind('.'));
      rows[short_name(module)] = config.token_rows;
    } else {
      whole.push_back(short_name(module));
    }
  }
  if (!rows.empty()) json["trainable_token_indices"] = rows;
  if (!whole.empty()) json["modules_to_save"] = whole;
  return json;
}

}  // namespace

AdapterWeights export_adapter(std::span<const Parameter> parameters, const LoraConfig& config,
                              const std::string& base, at::ScalarType dtype) {
  AdapterWeights adapter{.config = adapter_config_json(config, base, parameters), .tensors = {}};
  for (const Parameter& p : parameters) {
    if (p.name.starts_with(kPeftPrefix)) {
      adapter.tensors[p.name] = p.tensor.detach().to(at::kCPU, dtype).contiguous();
    }
  }
  return adapter;
}

}  // namespace keel
