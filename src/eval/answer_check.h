// Checks of one answer against what a probe wants. Case is folded for ASCII letters only.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace keel {

bool equals_answer(const std::string& reply,
                   const std::string& answer);                    // case, quotes, final punctuation aside
bool contains_any(const std::string& reply, const Json& accept);  // any string of the list
bool last_number_is(const std::string& reply, double answer);     // "1,234.5" reads as 1234.5
bool matches_pattern(const std::string& reply,
                     const std::string& pattern);                          // ECMAScript, anywhere, case aside
bool meets_constraints(const std::string& reply, const Json& constraint);  // examples/general/README.md

// The known conditions of a constraint. An unknown one, or one with a value of another kind, is an error when
// probes are loaded, never a silent pass.
const std::vector<std::string>& constraint_keys();
std::string constraint_value(const std::string& key);  // what its value must be; "": no such key
bool is_constraint_value(const std::string& key, const Json& value);

}  // namespace keel
