// config.yaml of a run folder: every option with its value, so that the run can be repeated from this file
// alone and no later change of a default alters it.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

// YAML with the groups as comments. parse_options reads it back to equal values.
std::string dump_config(const std::vector<FieldRef>& fields);

}  // namespace keel
