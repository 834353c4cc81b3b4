// The stages that the options ask for, of a loaded set.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sampler.h"

namespace keel {

struct Mix {
  std::vector<MixStage> stages;       // at least one; concat has one without a mixture
  std::vector<std::string> lines;     // a line for each source of a stage: its share and passes an epoch
  std::vector<std::string> warnings;  // sources that are passed over more than four times an epoch
};

// What is mixed.
struct MixSamples {
  std::vector<std::string> sources;  // their names
  std::vector<int32_t> source_of;    // of each sample
  std::vector<int64_t> lengths;      // of each sample, in tokens
  std::vector<double> order_keys;    // as Dataset has them
};

// UserError: the first mistake of plan_stages (config/ tells all of them at once), a stage whose sources have
// nothing to train.
Mix make_mix(const MixSamples& samples, const DataOptions& options, uint64_t seed);
Mix make_mix(const Dataset& set, const DataOptions& options, uint64_t seed);

}  // namespace keel
