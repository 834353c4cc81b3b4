#include "corpus/mixing_grid.h"

#include <fmt/format.h>

#include <algorithm>

#include "corpus/json_entry.h"

namespace keel {
namespace {

constexpr double kGeneralMargin = 1.01;

struct Axis {
  const char* option;
  double highest;
};

constexpr Axis kAxes[] = {{"dmt_k", 1}, {"replay_ratio", 0.9}};

void take_values(JsonEntry& entry, const Axis& axis, std::vector<GridArm>& arms) {
  const Json* values = entry.take({axis.option});
  if (values == nullptr) return;
  const std::string wanted = fmt::format("a list of numbers from 0 to {:g}", axis.highest);
  if (!values->is_array() || values->empty()) return entry.problem(axis.option, shown(*values), wanted);
  for (const Json& value : *values) {
    if (!value.is_number() || !(value.get<double>() >= 0) || value.get<double>() > axis.highest) {
      entry.problem(axis.option, shown(value), wanted);
      continue;
    }
    const GridArm arm{axis.option, value.get<double>()};
    if (std::ranges::find(arms, arm.name(), &GridArm::name) != arms.end())
      entry.problem(axis.option, shown(value) + " twice", "each value once");
    arms.push_back(arm);
  }
}

}  // namespace

std::string GridArm::name() const { return fmt::format("{}-{:g}", option, value); }

void GridArm::apply(MixingOptions& options) const {
  const MixingOptions by_default;  // what the strategy does not use has to stay so
  const bool dmt = option == "dmt_k";
  options.strategy = dmt ? "dmt" : "mixed_sequential";
  options.dmt_k = dmt ? value : by_default.dmt_k;
  options.replay_ratio = dmt ? by_default.replay_ratio : value;
}

std::vector<GridArm> grid_arms(const GridOptions& options, const MixingOptions& mixing,
                               std::vector<ErrorText>& problems) {
  const Json& grid = options.grid;
  std::vector<GridArm> arms;
  if (grid.is_null()) return arms;
  if (mixing.strategy != "dmt" && mixing.strategy != "mixed_sequential")
    problems.push_back({.where = "grid",
                        .found = "grid with mix_strategy: " + mixing.strategy,
                        .wanted = "mix_strategy: dmt or mixed_sequential"});
  for (const Json& stage : mixing.stages)
    if (stage.is_object() && stage.contains("replay_ratio"))
      problems.push_back({.where = "grid",
                          .found = "grid, and a stage with a replay_ratio of its own",
                          .wanted = "one of them",
                          .hint = "grid: {replay_ratio: […]} sets that of the second stage"});
  if (!grid.is_object() || grid.empty()) {
    problems.push_back(
        {.where = "grid", .found = shown(grid), .wanted = "values to try, such as {dmt_k: [1, 0.5, 0.25]}"});
    return arms;
  }
  JsonEntry entry(grid, "grid", problems);
  for (const Axis& axis : kAxes) take_values(entry, axis, arms);
  entry.unknown_keys();
  return arms;
}

size_t winner_of(std::span<const ArmResult> arms) {
  KEEL_CHECK(!arms.empty(), "a grid has arms");
  const double limit = kGeneralMargin * std::ranges::min_element(arms, {}, &ArmResult::general)->general;
  size_t winner = arms.size();
  for (size_t i = 0; i < arms.size(); ++i) {
    const bool remembers = arms[i].general <= limit;
    if (remembers && (winner == arms.size() || arms[i].specialist < arms[winner].specialist)) winner = i;
  }
  return winner;
}

}  // namespace keel
