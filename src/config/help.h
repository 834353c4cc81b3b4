// The options told to people: --help and docs/options.md, from the declarations that parse them. Defaults are
// the values the fields hold, so give a fresh struct.
#pragma once

#include <string>
#include <vector>

#include "base/fields.h"

namespace keel {

// By group, wrapped at 100 columns.
std::string options_help(const std::vector<FieldRef>& fields);

// The whole of docs/options.md: every option of keel train, foreign names and values, and what is not
// supported.
std::string options_markdown();

}  // namespace keel
