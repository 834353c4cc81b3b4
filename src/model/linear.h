// A linear layer with, perhaps, a low-rank adapter beside it (LoRA, Hu et al., 2021):
// y = x·Wᵀ + b + scale · dropout(x)·Aᵀ·Bᵀ.
//
// Shapes: T tokens, I inputs, O outputs, r rank.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>

#include "model/model.h"

namespace keel {

struct LowRank {
  at::Tensor a_rI, b_Or;
  double scale = 1.0;
  double dropout = 0.0;
  uint64_t index = 0;  // of the layer in the model: its own stream of dropout masks

  uint64_t dropout_key(const ForwardMode& mode) const;
};

struct Linear {
  std::string name;  // module, such as model.layers.0.self_attn.q_proj
  at::Tensor weight_OI, bias_O;
  at::Tensor stored_OI = {};  // as in Weight (model/product.h)
  std::optional<LowRank> adapter;

  at::Tensor operator()(const at::Tensor& x_TI, const ForwardMode& mode) const;
};

}  // namespace keel
