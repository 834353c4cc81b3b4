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

RunEnd train_one(const RunSeries& series, size_t run, double seconds) {
  RunConfig own = config_within(series, series.runs[run], seconds);
  const fs::path diagnosis = fs::path(own.train.output_dir) / kDiagnosisFile;
  remove_tree(diagnosis);  // of an earlier session: what is there afterwards is of this one
  RunEnd end = RunEnd::finished;
  try {
    end = train_run(own);
  } catch (const UserError& error) {
    if (!fs::exists(diagnosis) || !series.on_sick) throw;
    series.on_sick(run, error);
    return end;
  }
  if (end != RunEnd::interrupted) series.on_trained(run);
  return end;
}

}  // namespace

std::vector<ScheduledRun> schedule_of(const RunSeries& series) {
  std::vector<ScheduledRun> out;
  for (const SeriesRun& run : series.runs) out.push_back(run.schedule);
  return out;
}

RunEnd run_series(RunSeries series) {
  const Stopwatch clock;
  RunEnd end = RunEnd::finished;
  for (size_t i = 0; i < series.runs.size(); ++i) {
    ScheduledRun& run = series.runs[i].schedule;
    if (run.seconds) continue;
    const Stopwatch own;
    info("{}: {} ({})", series.what, run.name, progress_text(schedule_of(series)));
    const RunEnd one = interrupted() ? RunEnd::interrupted : train_one(series, i, clock.seconds());
    if (one == RunEnd::interrupted) {
      info("to go on with the {}: {}", series.what, series.command);
      return one;
    }
    if (one == RunEnd::red_line) end = one;
    run.seconds = own.seconds();
  }
  return end;
}

}  // namespace keel
