#include "app/run_series.h"

#include <algorithm>

#include "app/interrupt.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "train/sick_run.h"

namespace keel {
namespace {

RunConfig config_within(const RunSeries& series, const SeriesRun& run, double seconds) {
  RunConfig own = run.config;
  own.train.overwrite_output_dir = false;  // the series' folder was emptied
  if (series.max_time > 0)                 // 0 would be no limit
    own.train.max_time = std::max(1e-9, series.max_time - seconds / 60);
  return own;
}

RunEnd train_one(const RunSeries& series, const SeriesRun& run, double seconds) {
  RunConfig own = config_within(series, run, seconds);
  const fs::path diagnosis = fs::path(own.train.output_dir) / kDiagnosisFile;
  remove_tree(diagnosis);  // of an earlier session: what is there afterwards is of this one
  try {
    if (train_run(own) == RunEnd::interrupted) return RunEnd::interrupted;
  } catch (const UserError& error) {
    if (!fs::exists(diagnosis) || !series.on_sick) throw;
    series.on_sick(run, error);
    return RunEnd::finished;
  }
  series.on_trained(run);
  return RunEnd::finished;
}

}  // namespace

std::vector<ScheduledRun> schedule_of(const RunSeries& series) {
  std::vector<ScheduledRun> out;
  for (const SeriesRun& run : series.runs) out.push_back(run.schedule);
  return out;
}

RunEnd run_series(RunSeries series) {
  const Stopwatch clock;
  for (SeriesRun& run : series.runs) {
    if (run.schedule.seconds) continue;
    const Stopwatch own;
    info("{}: {} ({})", series.what, run.schedule.name, progress_text(schedule_of(series)));
    if (interrupted() || train_one(series, run, clock.seconds()) == RunEnd::interrupted) {
      info("to go on with the {}: {}", series.what, series.command);
      return RunEnd::interrupted;
    }
    run.schedule.seconds = own.seconds();
  }
  return RunEnd::finished;
}

}  // namespace keel
