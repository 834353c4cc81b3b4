#include "experiment/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "report/text_table.h"

namespace keel {
namespace {

struct Tally {
  size_t runs = 0, done = 0;
  double seconds = 0;

  std::optional<double> mean() const {
    return done > 0 ? std::optional(seconds / static_cast<double>(done)) : std::nullopt;
  }
};

Tally tally(std::span<const ScheduledRun> runs, const std::string& group) {
  Tally out;
  for (const ScheduledRun& run : runs) {
    if (!group.empty() && run.group != group) continue;
    ++out.runs;
    out.done += run.seconds.has_value();
    out.seconds += run.seconds.value_or(0);
  }
  return out;
}

std::vector<std::string> row_of(std::span<const ScheduledRun> runs, const std::string& group,
                                const std::string& name) {
  const Tally t = tally(runs, group);
  const auto left = seconds_left(runs, group);
  return {name, std::to_string(t.runs), std::to_string(t.done), std::to_string(t.runs - t.done),
          left ? format_duration(*left) : "–"};
}

}  // namespace

std::optional<double> seconds_left(std::span<const ScheduledRun> runs, const std::string& group) {
  const auto any = tally(runs, "").mean();
  double sum = 0;
  for (const ScheduledRun& run : runs) {
    if (run.seconds || (!group.empty() && run.group != group)) continue;
    const auto own = tally(runs, run.group).mean();
    if (!own && !any) return std::nullopt;
    sum += own.value_or(any.value_or(0));
  }
  return sum;
}

std::string progress_text(std::span<const ScheduledRun> runs) {
  const Tally t = tally(runs, "");
  const auto left = seconds_left(runs);
  return fmt::format("{} of {} runs are done{}", t.done, t.runs,
                     left && *left > 0 ? fmt::format(", about {} are left", format_duration(*left)) : "");
}

std::string left_table(std::span<const ScheduledRun> runs) {
  TextTable table{.columns = {"", "runs", "done", "left", "time left"}, .rows = {}};
  std::vector<std::string> groups;
  for (const ScheduledRun& run : runs) {
    if (std::ranges::find(groups, run.group) != groups.end()) continue;
    groups.push_back(run.group);
    table.rows.push_back(row_of(runs, run.group, run.group));
  }
  table.rows.push_back(row_of(runs, "", "in all"));
  return render_table(table);
}

}  // namespace keel
