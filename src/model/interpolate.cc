#include "model/interpolate.h"

#include <fmt/format.h>

#include "base/error.h"
#include "model/lora.h"

namespace keel {
namespace {

[[noreturn]] void refuse(std::string found) {
  throw UserError(
      {.where = "interpolate", .found = std::move(found), .wanted = "the model that training began with"});
}

at::Tensor grown_like(const at::Tensor& base, const at::Tensor& trained) {
  const int64_t rows = base.dim() == 2 && trained.dim() == 2 ? trained.size(0) - base.size(0) : 0;
  return rows > 0 ? with_mean_rows(base, rows) : base;
}

at::Tensor between(const at::Tensor& base, const at::Tensor& trained, double share) {
  if (share == 0) return base.to(trained.scalar_type());
  if (share == 1) return trained;
  return at::lerp(base.to(at::kFloat), trained.to(at::kFloat), share).to(trained.scalar_type());
}

}  // namespace

std::map<std::string, at::Tensor> interpolated(const std::map<std::string, at::Tensor>& base,
                                               std::map<std::string, at::Tensor> trained, double share) {
  for (auto& [name, tensor] : trained) {
    const auto found = base.find(name);
    if (found == base.end()) refuse(fmt::format("no tensor {} in the base model", name));
    const at::Tensor start = grown_like(found->second, tensor);
    if (start.sizes() != tensor.sizes())
      refuse(fmt::format("{} of shape {} in the base model, {} in the trained one", name,
                         fmt::join(start.sizes(), "x"), fmt::join(tensor.sizes(), "x")));
    tensor = between(start, tensor, share);
  }
  return trained;
}

AdapterWeights interpolated(AdapterWeights trained, double share) {
  trained.config["lora_alpha"] = trained.config.at("lora_alpha").get<double>() * share;
  return trained;
}

}  // namespace keel
