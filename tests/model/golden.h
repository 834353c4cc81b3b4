// The golden models of tests/golden, and comparison with their numbers.
#pragma once

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/tensors.h"
#include "model/factory.h"
#include "support/paths.h"

namespace keel::test {

// fp32 in two implementations: sums of at most a few hundred terms in another order, through two layers.
inline constexpr double kRelative = 1e-4;

struct Golden {
  Json json;
  TensorMap tensors;
  std::vector<int64_t> ids, labels, offsets;

  explicit Golden(const std::filesystem::path& dir)
      : json(read_json(dir / "golden.json")),
        tensors(load_safetensors(dir / "golden.safetensors")),
        ids(json["ids"].get<std::vector<int64_t>>()),
        labels(json["labels"].get<std::vector<int64_t>>()),
        offsets{0} {
    for (const Json& length : json["segment_lengths"])
      offsets.push_back(offsets.back() + length.get<int64_t>());
  }

  PackedTokens packed() const { return {.ids_T = at::tensor(ids, at::kLong), .offsets = offsets}; }
};

inline BuiltModel load_model(const std::string& name, const BuildOptions& build) {
  const HfFolder folder = HfFolder::open(golden_dir() / name);
  return build_model(folder.config, folder.tensors(), build);
}

inline at::Tensor logits_of(CausalLM& model, const PackedTokens& tokens, const ForwardMode& mode = {}) {
  return at::linear(model.forward(tokens, mode), model.head_VD()).to(at::kFloat);
}

// Mean NLL of the supervised tokens, in plain ATen.
inline at::Tensor mean_loss(const at::Tensor& logits, const std::vector<int64_t>& labels) {
  return at::cross_entropy_loss(logits, at::tensor(labels, at::kLong), {}, at::Reduction::Mean, -100);
}

// Every |a - b| at most `relative` of the largest |b|. Names the worst cell.
inline void expect_near(const at::Tensor& a_any, const at::Tensor& b_any, double relative,
                        const std::string& what) {
  const at::Tensor a = a_any.detach().to(at::kFloat), b = b_any.detach().to(at::kFloat);
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  const at::Tensor difference = (a - b).abs().flatten();
  const int64_t worst = difference.argmax().item<int64_t>();
  const double scale = b.abs().max().item<double>(), found = difference[worst].item<double>();
  EXPECT_LE(found, relative * scale) << fmt::format("{}: cell {} is {} instead of {}, largest {}", what,
                                                    worst, a.flatten()[worst].item<float>(),
                                                    b.flatten()[worst].item<float>(), scale);
}

inline std::map<std::string, at::Tensor> gradients(CausalLM& model) {
  std::map<std::string, at::Tensor> out;
  for (const Parameter& p : model.parameters()) {
    if (p.tensor.grad().defined()) out[p.name] = p.tensor.grad().clone();
  }
  return out;
}

inline void clear_gradients(CausalLM& model) {
  for (Parameter& p : model.parameters()) p.tensor.mutable_grad().reset();
}

inline const at::Tensor& parameter(CausalLM& model, const std::string& name) {
  for (const Parameter& p : model.parameters()) {
    if (p.name == name) return p.tensor;
  }
  throw std::runtime_error("no parameter " + name);
}

}  // namespace keel::test
