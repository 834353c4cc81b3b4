// From names of datasets to examples: read, split, encode, pack. The whole data path in one call.
#pragma once

#include <string>
#include <vector>

#include "data/data_context.h"
#include "data/example_set.h"
#include "data/stats.h"

namespace keel {

struct Dataset {
  ExampleSet examples;
  std::vector<double> order_keys;  // of the examples with order_by: small ones first; empty: shuffled
  DataStats stats;
  std::vector<std::string> sources;  // names; Example::source points here
  std::string hash;                  // 16 hex digits: content of the files
  fs::path cache;                    // the folder that keeps the tokens; empty: memory
  bool from_cache = false;           // they were there before
};

struct TrainingSets {
  Dataset train;
  Dataset validation;  // validation_specs, or val_size of the training rows; may be empty
  Dataset general;     // general_dataset; may be empty
};

// A held-out set: texts are not packed into rows, so an example is one text (or a piece of at most
// pack_length). UserError: as encode_sources, no example left.
Dataset load_dataset(const std::vector<DatasetSpec>& specs, const DataContext& context);
Dataset load_dataset(const std::vector<std::string>& names, const DataContext& context);

// All sets that the options name. Training texts (cpt) are packed into rows. Duplicate rows never stand on
// both sides of a val_size split. validation has the kind of the stage, general may hold both kinds.
TrainingSets load_training_sets(const DataContext& context);

}  // namespace keel
