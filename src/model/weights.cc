#include "model/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/names.h"

namespace keel {
namespace {

std::string shape_text(at::IntArrayRef shape) { return fmt::format("{}", fmt::join(shape, "x")); }

void check_type(const std::string& name, const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  if (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf) return;
  throw UserError({.where = fmt::format("weight {}", name),
                   .found = fmt::format("values of type {}", c10::toString(type)),
                   .wanted = "float32, bfloat16 or float16",
                   .hint = "quantised models cannot be trained; get the original one"});
}

// Buffers that old folders carry, or that follow from the config.
bool is_ignorable(const std::string& name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with("attn.bias") ||
         name.ends_with("attn.masked_bias");
}

bool decays(const at::Tensor& tensor) { return tensor.dim() >= 2; }

}  // namespace

void check_finite(const std::string& name, const at::Tensor& tensor) {
  if (tensor.numel() == 0) return;
  const auto [low, high] = at::aminmax(tensor);  // one pass; NaN anywhere shows in both
  if (std::isfinite(low.to(at::kFloat).item<float>()) && std::isfinite(high.to(at::kFloat).item<float>()))
    return;
  const int64_t count = at::logical_not(at::isfinite(tensor)).sum().item<int64_t>();
  throw UserError({.where = fmt::format("weight {}", name),
                   .found = fmt::format("{} of {} values are NaN or infinite", count, tensor.numel()),
                   .wanted = "finite numbers",
                   .hint = "the training that wrote this model diverged, or the file is damaged"});
}

WeightLoader::WeightLoader(NamedTensors weights, WeightRules rules)
    : weights_(std::move(weights)), rules_(std::move(rules)) {}

at::Tensor WeightLoader::take(const std::string& name, std::vector<int64_t> shape) {
  const auto it = weights_.find(name);
  if (it == weights_.end()) {
    throw UserError({.where = "the model's weights",
                     .found = fmt::format("no tensor {}", name),
                     .wanted = fmt::format("{} of shape {}", name, shape_text(shape)),
                     .hint = "a weight file may be missing, or config.json belongs to another model"});
  }
  const at::Tensor source = std::move(it->second);
  weights_.erase(it);
  if (source.sizes() != at::IntArrayRef(shape)) {
    throw UserError(
        {.where = fmt::format("weight {}", name),
         .found = "shape " + shape_text(source.sizes()),
         .wanted = fmt::format("shape {}, as config.json says", shape_text(shape)),
         .hint = "config.json belongs to another model, or the tokenizer was changed without it"});
  }
  check_type(name, source);
  check_finite(name, source);
  const auto always = rules_.always.find(name);
  const auto matches = [&](const std::string& pattern) { return matches_glob(name, pattern); };
  const bool frozen = std::any_of(rules_.freeze.begin(), rules_.freeze.end(), matches);
  const bool trained = (rules_.train_base || always != rules_.always.end()) && !frozen;
  // A trained tensor is written to, so it never shares the mapped file.
  at::Tensor tensor = source.to(rules_.device, rules_.compute, false, trained).contiguous();
  tensor.requires_grad_(trained);
  taken_.push_back({.name = always != rules_.always.end() ? always->second : name,
                    .tensor = tensor,
                    .decay = decays(tensor)});
  return tensor;
}

at::Tensor WeightLoader::stored(const std::string& name) const {
  const auto it = weights_.find(name);
  const bool kept = rules_.keep_stored && rules_.compute == at::kFloat && rules_.device.is_cpu();
  if (!kept || it == weights_.end() || it->second.scalar_type() != at::kBFloat16) return {};
  return it->second.contiguous();
}

std::vector<Parameter> WeightLoader::finish() {
  std::vector<std::string> left;
  for (const auto& [name, tensor] : weights_) {
    if (!is_ignorable(name)) left.push_back(name);
  }
  if (left.empty()) return std::move(taken_);
  const std::string more = left.size() > 3 ? fmt::format(" and {} more", left.size() - 3) : "";
  left.resize(std::min<size_t>(left.size(), 3));
  throw UserError({.where = "the model's weights",
                   .found = fmt::format("tensors that the model has no place for: {}{}", join(left), more),
                   .wanted = "only the tensors that config.json describes",
                   .hint = "config.json belongs to another model, or names another architecture"});
}

void freeze_matching(std::vector<Parameter>& parameters, const std::vector<std::string>& patterns) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (Parameter& p : parameters) {
      if (!matches_glob(p.name, pattern)) continue;
      any = true;
      p.tensor.requires_grad_(false);
    }
    if (any) continue;
    std::string bare = pattern;
    std::erase(bare, '*');
    std::vector<std::string> near;
    for (const std::string& name : names) {
      if (near.size() < 3 && !bare.empty() &&
          name.find(bare.substr(0, bare.size() / 2 + 1)) != std::string::npos) {
        near.push_back(name);
      }
    }
    if (const std::string nearest = nearest_name(pattern, names); !nearest.empty()) near = {nearest};
    if (near.empty()) near.assign(names.begin(), names.begin() + std::min<size_t>(3, names.size()));
    throw UserError({.where = "freeze",
                     .found = fmt::format("\"{}\", which matches no parameter", pattern),
                     .wanted = "names or patterns of the model's parameters",
                     .hint = "there are, for example, " + join(near)});
  }
}

}  // namespace keel
