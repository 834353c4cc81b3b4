// What a comparison shows and what it does not, as sentences and tables.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "experiment/contrast.h"
#include "experiment/plan.h"

namespace keel {

struct Findings {
  std::vector<std::string> sentences;
  Json tables;    // as summary.json has them (report/html.h)
  Json frontier;  // likewise
};

// All planned runs must be there.
Findings conclude(const Plan& plan, const Scales& scales, std::span<const ProbeResult> base,
                  std::span<const RunOutcome> runs);

// "+2.1 points [0.3, 3.9]" of an accuracy, "-0.0310 [-0.0500, -0.0120]" of a loss.
std::string change_text(const ArmDifference& difference);

}  // namespace keel
