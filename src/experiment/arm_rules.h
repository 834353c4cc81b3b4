// What makes a comparison fair: the options that no arm may have for itself.
#pragma once

#include <string>

#include "config/run_config.h"

namespace keel {

// Why an arm may not set this option, such as "data"; empty: it may. budget: tokens (every arm trains the
// same rows as often; how they are cut into steps is the arm's) or steps (every arm takes the same number of
// them) or flops (as tokens, but that arms which cost more train less). has_max_steps: the number of steps is
// given, and does not follow from rows and batches.
std::string shared_by_all(const FieldRef& field, const std::string& budget, bool has_max_steps);

// Why not even `base` may set it: what `keel compare` decides for each run.
std::string set_by_compare(const std::string& name);

}  // namespace keel
