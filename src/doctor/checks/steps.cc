// Whether the run has enough optimiser steps to learn.
#include <fmt/format.h>

#include "doctor/checks.h"
#include "doctor/diagnose.h"
#include "doctor/wording.h"

namespace keel {

void check_steps(const Subject& subject, Findings& out) {
  const std::optional<TrainingPlan> plan = plan_of(subject);
  if (!plan || plan->steps >= 30) return;
  out.push_back(
      {.severity = Severity::warning,
       .code = "few_steps",
       .text = fmt::format("The run has only {} ({} a step).", counted(plan->steps, "optimiser step"),
                           counted(plan->samples_per_step, "sample")),
       .count = plan->steps,
       .share = 1,
       .advice = "take a smaller batch or more epochs"});
}

}  // namespace keel
