// A tiny golden model with its packed golden batch, for tests of the step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/hf_folder.h"
#include "data/batch.h"
#include "model/factory.h"
#include "optim/adamw.h"
#include "support/paths.h"

namespace keel::test {

struct Tiny {
  Json golden;
  std::unique_ptr<CausalLM> model;
  std::vector<Example> examples;

  explicit Tiny(const std::string& name) {
    const auto dir = golden_dir() / name;
    golden = read_json(dir / "golden.json");
    const HfFolder folder = HfFolder::open(dir);
    model = build_model(folder.config, folder.tensors(), {.compute = at::kFloat, .train = true}).model;
    size_t at = 0;
    for (const Json& length : golden["segment_lengths"]) {
      Example e;
      for (int64_t i = 0; i < length.get<int64_t>(); ++i, ++at) {
        e.ids.push_back(golden["ids"][at].get<int32_t>());
        const bool trained = golden["trained"][at].get<int>() != 0;
        e.weight.push_back(trained ? 1.0F : 0.0F);
        e.turn.push_back(trained ? 0 : -1);
        e.end_of_turn.push_back(0);
      }
      examples.push_back(std::move(e));
    }
  }

  Batch batch(const std::vector<size_t>& members) const {
    std::vector<const Example*> picked;
    for (const size_t m : members) picked.push_back(&examples[m]);
    return make_batch(picked, "token");
  }
};

inline std::vector<OptimParameter> trained(CausalLM& model) {
  std::vector<OptimParameter> out;
  for (const Parameter& p : model.parameters()) {
    if (p.tensor.requires_grad()) out.push_back({.name = p.name, .tensor = p.tensor, .decay = p.decay});
  }
  return out;
}

}  // namespace keel::test
