// Checks that need more than one option, and the defaults that follow from another option.
#pragma once

#include "config/run_config.h"

namespace keel {

// Adds to parsed.problems what cannot work and to parsed.notes what has no effect; fills in what follows from
// something else (see load_run_config). Only what the user set is blamed, never a default.
// Whether rows are held out of training, or given, to measure by what was learned.
bool has_validation(const DataOptions& data);

void validate(RunConfig& config, ParseResult& parsed);

}  // namespace keel
