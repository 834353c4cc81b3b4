// The doctor: all checks over a subject.
#pragma once

#include <optional>

#include "doctor/diagnosis.h"
#include "doctor/subject.h"

namespace keel {

// in_short: only the checks that take no time worth speaking of, and no facts but those they need.
Diagnosis diagnose(const Subject& subject, bool in_short = false);

// Steps as the sampler counts them; nothing without a tokenizer or when samples_per_step is unknown.
std::optional<TrainingPlan> plan_of(const Subject& subject);

}  // namespace keel
