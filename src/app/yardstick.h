// What every model of a comparison is measured by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/samples.h"
#include "app/session.h"
#include "eval/suite.h"
#include "experiment/plan.h"

namespace keel {

// The half of the plan's suite; an empty one without a suite.
Suite suite_of(const Plan& plan);

// Held-out rows of the data (as items of type nll, in the dimensions of experiment/scale.h), the suite, and,
// where its items make no model write freely, answers to prompts of held-out rows.
class Yardstick {
 public:
  Yardstick(const Plan& plan, const ChatModel& base);

  std::vector<ProbeResult> measure(ChatModel& model, const std::string& name) const;

 private:
  EvalSets sets_;
  Suite suite_;
  SampleSet prompts_;
  GenerateOptions generate_;
};

}  // namespace keel
