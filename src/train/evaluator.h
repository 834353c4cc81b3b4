// What is measured during a run, and what follows from it: best so far, early stop. As long as any source
// gets better, patience does not wear.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/example.h"
#include "eval/nll.h"
#include "train/monitors.h"
#include "train/replay_set.h"
#include "train/run_memory.h"

namespace keel {

struct EvalSets {
  std::vector<Example> domain, general;
  std::vector<std::string> sources = {};  // of domain, which Example::source points to
  ReplaySet replay = {};                  // held out; how far the model has moved from what it was
  MonitorSets monitors = {};              // measured by the run, which can let its model write
};

// Which weights of a run are the best: those of the least score.
struct BestRule {
  std::string metric = "eval_loss";  // or general_loss, kl_from_start, frontier
  double frontier_weight = 1;        // frontier: eval_loss + this · general_loss
  int64_t patience = 0;              // evaluations without a better score before the run stops; 0: never

  std::optional<double> score(const EvalOutcome& outcome) const;
};

class Evaluator {
 public:
  Evaluator(CausalLM& model, const EvalSets& sets, BestRule rule, EvaluatorMemory memory = {})
      : model_(model), sets_(sets), rule_(std::move(rule)), memory_(std::move(memory)) {}
  bool any() const {
    return !sets_.domain.empty() || !sets_.general.empty() || !sets_.replay.empty() ||
           sets_.monitors.plan.any();
  }

  // Whether its sets give what the rule scores by: only then are any weights the best.
  bool chooses() const;

  EvalOutcome measure() const;
  // What follows from a measurement behind this many steps: best, stop, forgot of the outcome. candidate: for
  // best; without it patience does not wear either. A general loss above most_general is forgetting: no
  // candidate.
  void judge(EvalOutcome& outcome, int64_t step, bool candidate, std::optional<double> most_general = {});

  const EvaluatorMemory& memory() const { return memory_; }

 private:
  bool note_better_sources(const EvalOutcome& outcome);
  NllSum run_domain(EvalOutcome& outcome) const;

  CausalLM& model_;
  const EvalSets& sets_;
  BestRule rule_;
  EvaluatorMemory memory_;
};

}  // namespace keel
