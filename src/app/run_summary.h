// What a run says of itself at its end: verdict, summary.json, report.
#pragma once

#include <string>
#include <vector>

#include "app/interpolation.h"
#include "app/samples.h"
#include "app/session.h"
#include "config/run_config.h"
#include "train/trainer.h"

namespace keel {

struct RunVerdict {
  std::vector<std::string> crossed;  // red lines
  std::string text;
};

// interpolation: of a run without one, empty.
RunVerdict judge(const RunConfig& config, const TrainSummary& s, const Interpolation& interpolation);

struct RunRecord {
  const RunConfig& config;
  const RunData& data;
  const TrainSummary& training;
  const Interpolation& interpolation;
  const RunVerdict& verdict;
  const SampleSet& samples;
};

// summary.json and report.html of the run's folder, which may hold a rejected.jsonl.
void write_summary(const RunRecord& run);

}  // namespace keel
