// The mixture that the options ask for, of a loaded set.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/mixture.h"

namespace keel {

struct Mix {
  std::optional<Mixture> mixture;     // nothing with mix_strategy: concat
  std::vector<std::string> lines;     // a line for each source: its share and passes an epoch
  std::vector<std::string> warnings;  // sources that are passed over more than four times an epoch
};

// The shares that mix_alpha and the weights give the sources, of the units (mix_by) that their samples have.
Mixture mixture_of(std::span<const int32_t> source_of, std::vector<int64_t> lengths,
                   std::span<const double> weights, const DataOptions& options, uint64_t seed);

// UserError: weights in the datasets list without a strategy that uses them.
Mix make_mix(const Dataset& set, const DataOptions& options, uint64_t seed);

}  // namespace keel
