// Everything a training run is told: the components' own option structs side by side. Only app/ and the
// experiment folder see the whole.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/parse.h"
#include "corpus/mixing_grid.h"
#include "data/options.h"
#include "eval/options.h"
#include "loss/options.h"
#include "model/options.h"
#include "optim/options.h"
#include "train/options.h"
#include "train/protection_options.h"

namespace keel {

struct RunConfig {
  ModelOptions model;
  DataOptions data;
  LossOptions loss;
  OptimOptions optim;
  GridOptions grid;
  TrainOptions train;
  ProtectionOptions protection;
  GenerateOptions generate;

  // In the order of help and dump. The references live as long as this object stays where it is.
  std::vector<FieldRef> fields();
};

struct LoadedRun {
  RunConfig config;
  ParseResult parsed;  // who set what, and the notes for the log
};

// The arguments after `keel train`: parsed, checked across fields, resolved (lora_alpha, the batch size under
// token_batch, the seed of generation). Throws UserError with all mistakes. With --help among the arguments
// nothing is checked.
LoadedRun load_run_config(const std::vector<std::string>& args, const ParseRules& rules = {});

// The same from settings in layers: what a later layer says wins. The mistakes are left in parsed.problems.
LoadedRun collect_run_config(std::span<const std::vector<Setting>> layers);

}  // namespace keel
