// What is left of a series of runs, and how long it will take.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace keel {

struct ScheduledRun {
  std::string group, name;          // runs of a group take about as long as each other
  std::optional<double> seconds{};  // that it took; nothing: it is left to do
};

// From the mean of the finished runs, of the same group where there are any. Nothing until one has finished;
// 0 when nothing is left. group: only its runs; empty: all.
std::optional<double> seconds_left(std::span<const ScheduledRun> runs, const std::string& group = {});

// "3 of 12 runs are done, about 20 min 10 s are left"
std::string progress_text(std::span<const ScheduledRun> runs);

// A line a group (runs, done, left, time left) and one for all of them.
std::string left_table(std::span<const ScheduledRun> runs);

}  // namespace keel
