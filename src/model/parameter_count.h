// How many numbers a model has, and how many of them are trained.
#pragma once

#include "model/model.h"

namespace keel {

struct ParameterCount {
  int64_t all = 0, trained = 0;
};

inline ParameterCount count_parameters(CausalLM& model) {
  ParameterCount count;
  for (const Parameter& p : model.parameters()) {
    count.all += p.tensor.numel();
    if (p.tensor.requires_grad()) count.trained += p.tensor.numel();
  }
  return count;
}

}  // namespace keel
