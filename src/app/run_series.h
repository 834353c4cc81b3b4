// Runs of one experiment, one after another, each in a folder of its own: the grid's arms, a comparison's
// plan.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/train_run.h"
#include "base/error.h"
#include "experiment/schedule.h"

namespace keel {

struct SeriesRun {
  ScheduledRun schedule;  // one with seconds is done and is passed over
  RunConfig config;       // with its output_dir; max_time and overwriting are the series' matter
};

struct RunSeries {
  std::string what, command;  // for the log: "grid"; what goes on with it
  double max_time = 0;        // minutes for all of them; 0: no limit
  std::vector<SeriesRun> runs;
  std::function<void(size_t run)> on_trained;  // by its place among them
  // Of a run that ended sick (train/sick_run.h); without it the error ends the series.
  std::function<void(size_t run, const UserError&)> on_sick = {};
};

// interrupted: the run under way has saved what it needs to go on, or the next one was not begun. red_line:
// all are done, and one that was trained now crossed a gate.
RunEnd run_series(RunSeries series);

std::vector<ScheduledRun> schedule_of(const RunSeries& series);

}  // namespace keel
