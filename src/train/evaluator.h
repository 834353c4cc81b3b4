// What is measured during a run, and what follows from it: best so far, early stop. As long as any source
// gets better, patience does not wear.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/example.h"
#include "eval/nll.h"
#include "train/replay_set.h"
#include "train/run_memory.h"

namespace keel {

struct EvalSets {
  std::vector<Example> domain, general;
  std::vector<std::string> sources = {};  // of domain, which Example::source points to
  ReplaySet replay = {};                  // held out; how far the model has moved from what it was
};

class Evaluator {
 public:
  Evaluator(CausalLM& model, const EvalSets& sets, int64_t patience, EvaluatorMemory memory = {})
      : model_(model), sets_(sets), patience_(patience), memory_(std::move(memory)) {}
  bool any() const { return !sets_.domain.empty() || !sets_.general.empty() || !sets_.replay.empty(); }
  // Behind this many steps. candidate: for best; without it patience does not wear either. A general loss
  // above most_general is forgetting: no candidate.
  EvalOutcome run(int64_t step, bool candidate, std::optional<double> most_general = {});

  const EvaluatorMemory& memory() const { return memory_; }

 private:
  bool note_better_sources(const EvalOutcome& outcome);
  NllSum run_domain(std::map<std::string, double>& by_source) const;

  CausalLM& model_;
  const EvalSets& sets_;
  int64_t patience_;
  EvaluatorMemory memory_;
};

}  // namespace keel
