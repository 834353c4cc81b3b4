// From the tensors of a model folder to the leaves of a model: shapes and values are checked, and it is
// decided what is trained.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace keel {

using NamedTensors = std::map<std::string, at::Tensor>;

struct WeightRules {
  bool train_base = true;                     // false under LoRA
  std::vector<std::string> freeze;            // globs of names
  std::map<std::string, std::string> always;  // trained even under LoRA: weight to its parameter name
  at::ScalarType compute = at::kFloat;
  at::Device device = at::kCPU;
  bool keep_stored = false;  // bfloat16 weights of the file beside those in fp32
};

// UserError naming the weight, with how many of its values are NaN or infinite.
void check_finite(const std::string& name, const at::Tensor& tensor);

class WeightLoader {
 public:
  WeightLoader(NamedTensors weights, WeightRules rules);

  // The weight as the model uses it: a fresh leaf when it is trained, otherwise held once, in the compute
  // dtype (mapped memory is used as it is when it has that dtype already). UserError: missing, another shape,
  // not a floating type, NaN or infinite values.
  at::Tensor take(const std::string& name, std::vector<int64_t> shape);

  // Before it is taken: the matrix as the file has it, in bfloat16, where it is to be kept beside the one in
  // fp32 (on a CPU); else undefined.
  at::Tensor stored(const std::string& name) const;

  bool has(const std::string& name) const { return weights_.contains(name); }
  void drop(const std::string& name) { weights_.erase(name); }

  // All that take() gave, in order. UserError when tensors are left over that the model has no place for.
  std::vector<Parameter> finish();

 private:
  NamedTensors weights_;
  WeightRules rules_;
  std::vector<Parameter> taken_;
};

// Applies freeze patterns to the parameters. UserError, with near names, for one that matches nothing.
void freeze_matching(std::vector<Parameter>& parameters, const std::vector<std::string>& patterns);

}  // namespace keel
