// Learning against forgetting: a point a run (or its mean over seeds), a line an arm over its learning rates.
#pragma once

#include <string>

#include "base/json.h"

namespace keel {

// frontier: {"title", "x_label", "y_label", "points": [{"arm", "label", "x", "y"}]}; an arm's points in the
// order of its line. Values of other types are passed over.
std::string draw_frontier(const Json& frontier);  // a figure for report.html; "" without a point
std::string frontier_svg(const Json& frontier);   // the same as a file of its own

}  // namespace keel
