// Between two sets of weights: θ = (1 − a)·θ₀ + a·θ₁ (Wortsman et al. 2022, arXiv 2109.01903). With a = 0 it
// is θ₀ and with a = 1 θ₁, bit for bit.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>

#include "model/model.h"

namespace keel {

// By name, in fp32, each rounded once to the type it has in `trained`. Rows that training added (new tokens)
// are compared with the mean row they began as. UserError when the two are not of one model.
std::map<std::string, at::Tensor> interpolated(const std::map<std::string, at::Tensor>& base,
                                               std::map<std::string, at::Tensor> trained, double share);

// Of an adapter alone: what it adds to the base, times `share`, as a smaller lora_alpha. Its tensors stay.
AdapterWeights interpolated(AdapterWeights trained, double share);

}  // namespace keel
