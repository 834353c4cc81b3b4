// What is measured during a run, and what follows from it: best so far, early stop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/example.h"
#include "eval/nll.h"

namespace keel {

struct EvalSets {
  std::vector<Example> domain, general;
};

struct EvalOutcome {
  std::optional<double> domain, general;  // mean NLL; absent where there is no set
  bool best = false;                      // better domain NLL than ever before (the first counts)
  bool stop = false;                      // patience is used up
  Json row() const;
};

class Evaluator {
 public:
  Evaluator(CausalLM& model, const EvalSets& sets, int64_t patience)
      : model_(model), sets_(sets), patience_(patience) {}
  bool any() const { return !sets_.domain.empty() || !sets_.general.empty(); }
  bool can_choose() const { return !sets_.domain.empty(); }
  EvalOutcome run(bool counts);  // counts: false before the first step, which is no candidate for best

 private:
  CausalLM& model_;
  const EvalSets& sets_;
  int64_t patience_, since_best_ = 0;
  std::optional<double> best_;
};

}  // namespace keel
