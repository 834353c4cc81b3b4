// Which curves of a run the report shows, and how.
#pragma once

#include <string>
#include <vector>

#include "report/run_folder.h"

namespace keel {

// The charts as HTML figures, without those that have no data; "" when there is none. One run: training loss
// raw and smoothed, domain and general validation loss in one chart, the sources' in another, its monitors in
// two. Several runs:
// each quantity over each other. notes gets what could not be shown.
std::string draw_charts(const std::vector<RunCurves>& runs, std::vector<std::string>& notes);

}  // namespace keel
