// What is measured during a run, and what follows from it: best so far, early stop.
#pragma once

#include <vector>

#include "data/example.h"
#include "eval/nll.h"
#include "train/run_memory.h"

namespace keel {

struct EvalSets {
  std::vector<Example> domain, general;
};

class Evaluator {
 public:
  Evaluator(CausalLM& model, const EvalSets& sets, int64_t patience, EvaluatorMemory memory = {})
      : model_(model), sets_(sets), patience_(patience), memory_(std::move(memory)) {}
  bool any() const { return !sets_.domain.empty() || !sets_.general.empty(); }
  EvalOutcome run(int64_t step);  // behind this many steps; 0 is no candidate for best

  const EvaluatorMemory& memory() const { return memory_; }

 private:
  CausalLM& model_;
  const EvalSets& sets_;
  int64_t patience_;
  EvaluatorMemory memory_;
};

}  // namespace keel
