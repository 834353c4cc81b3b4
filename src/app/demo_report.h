// The demo's table: one row a measure, one column an arm; for the terminal and for summary.json.
#pragma once

#include <string>
#include <vector>

#include "eval/probes.h"
#include "report/text_table.h"

namespace keel {

struct ArmMeasures {
  std::string name;
  ProbeSummary domain, general;
  double general_nll = 0;
  double domain_nll = 0;
  double train_seconds = 0;
  double tokens_per_s = 0;
  std::vector<ProbeResult> domain_results, general_results;
};

TextTable demo_table(const std::vector<ArmMeasures>& arms);

// Probes answered by every arm side by side: the first `count` where the arms differ in being right, then
// others.
Json side_by_side(const std::vector<Probe>& probes, const std::vector<ArmMeasures>& arms, size_t count);

// One sentence that says what the table shows, from its numbers alone.
std::string demo_verdict(const std::vector<ArmMeasures>& arms);

}  // namespace keel
