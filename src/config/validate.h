// Checks that need more than one option, and the defaults that follow from another option.
#pragma once

#include "config/run_config.h"

namespace keel {

// Whether rows are held out of the training data to measure by what was learned; or else given.
bool holds_out_rows(const DataOptions& data);
bool has_validation(const DataOptions& data);

// Adds to parsed.problems what cannot work and to parsed.notes what has no effect; fills in what follows from
// something else (see load_run_config). Only what the user set is blamed, never a default.
void validate(RunConfig& config, ParseResult& parsed);

}  // namespace keel
