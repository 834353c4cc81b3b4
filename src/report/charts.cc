#include "report/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "report/svg_plot.h"

namespace keel {
namespace {

constexpr size_t kMaxPoints = 400;   // of a drawn curve
constexpr size_t kMaxShares = 150;   // of a drawn area
constexpr double kSmoothing = 0.02;  // half-life of the smoothed curve as a part of all points
constexpr const char* kLossUnit = "nats per token";

const std::array<std::string, 4> kZoneNames{"loss ≤ 1.45", "1.45–6.6", "6.6–15", "≥ 15"};

Curve smoothed(const Curve& curve) {
  return pick(smooth(curve, std::max(1.0, kSmoothing * static_cast<double>(curve.size()))), kMaxPoints);
}

std::string name_of(const RunCurves& run) { return run.name.empty() ? "this run" : run.name; }

struct Runs {
  std::vector<RunCurves> all;
  StepRange steps;

  bool alone() const { return all.size() == 1; }
};

// The same quantity of every run; one ink a run, in the order of the folders.
struct Quantity {
  std::string key, title, unit;
  bool from_zero = false, log_if_wide = false, smooth = false;
  std::string id = {};  // where the key is no HTML id
};

std::string draw_quantity(const Runs& runs, const Quantity& q) {
  LineChart chart{.id = "chart-" + (q.id.empty() ? q.key : q.id),
                  .title = q.title + (q.smooth ? ", smoothed" : ""),
                  .y_label = q.unit,
                  .lines = {},
                  .steps = runs.steps,
                  .from_zero = q.from_zero,
                  .log_if_wide = q.log_if_wide};
  for (size_t i = 0; i < runs.all.size(); ++i) {
    const Curve& curve = runs.all[i].at(q.key);
    chart.lines.push_back({.name = runs.alone() ? q.title : name_of(runs.all[i]),
                           .points = q.smooth ? smoothed(curve) : thin(curve, kMaxPoints),
                           .ink = static_cast<int>(i)});
  }
  return draw(chart);
}

std::string draw_own_loss(const Runs& runs) {
  const Curve& loss = runs.all[0].at("loss");
  return draw(LineChart{.id = "chart-loss",
                        .title = "Training loss",
                        .y_label = kLossUnit,
                        .lines = {{.name = "each step", .points = thin(loss, kMaxPoints), .faint = true},
                                  {.name = "smoothed", .points = smoothed(loss)}},
                        .steps = runs.steps,
                        .log_if_wide = true});
}

std::string draw_own_validation(const Runs& runs) {
  const RunCurves& run = runs.all[0];
  return draw(
      LineChart{.id = "chart-validation",
                .title = "Validation loss",
                .y_label = kLossUnit,
                .lines = {{.name = "domain", .points = thin(run.at("eval_loss"), kMaxPoints)},
                          {.name = "general", .points = thin(run.at("general_loss"), kMaxPoints), .ink = 1}},
                .steps = runs.steps});
}

// Several measures of one run in one chart.
std::string draw_measures(const Runs& runs, LineChart chart,
                          const std::vector<std::pair<std::string, std::string>>& keys_and_names) {
  chart.steps = runs.steps;
  for (size_t i = 0; i < keys_and_names.size(); ++i) {
    const auto& [key, name] = keys_and_names[i];
    chart.lines.push_back(
        {.name = name, .points = thin(runs.all[0].at(key), kMaxPoints), .ink = static_cast<int>(i)});
  }
  return draw(chart);
}

// What a run measures of itself beside its losses.
std::string draw_monitors(const Runs& runs) {
  if (!runs.alone()) return {};
  return draw_measures(
             runs,
             {.id = "chart-distance",
              .title = "Distance from the model as it was",
              .y_label = "KL, nats per token",
              .from_zero = true},
             {{"kl_domain", "domain"}, {"kl_general", "general text"}, {"kl_from_start", "its own text"}}) +
         draw_measures(runs,
                       {.id = "chart-answers",
                        .title = "Answers to fixed prompts",
                        .y_label = "share",
                        .from_zero = true},
                       {{"end_of_turn", "end by themselves"},
                        {"rep4", "repetition"},
                        {"copied", "copied"},
                        {"probe_accuracy", "right choices"}});
}

// One run: its sources in one chart. Several: a chart a source, with the runs over each other.
std::string draw_sources(const Runs& runs, std::vector<std::string>& notes) {
  std::vector<std::string> sources = evaluated_sources(runs.all);
  if (sources.size() > kInks) {
    notes.push_back(
        fmt::format("The validation curves show the first {} of {} sources.", kInks, sources.size()));
    sources.resize(kInks);
  }
  LineChart chart{
      .id = "chart-sources", .title = "Validation loss by source", .y_label = kLossUnit, .steps = runs.steps};
  std::string figures;
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string key = kSourceLoss + sources[i];
    chart.lines.push_back(
        {.name = sources[i], .points = thin(runs.all[0].at(key), kMaxPoints), .ink = static_cast<int>(i)});
    if (!runs.alone())
      figures += draw_quantity(runs, {.key = key,
                                      .title = "Validation loss, " + sources[i],
                                      .unit = kLossUnit,
                                      .id = fmt::format("source-{}", i)});
  }
  return runs.alone() ? draw(chart) : figures;
}

std::string draw_losses(const Runs& runs) {
  if (runs.alone()) return draw_own_loss(runs) + draw_own_validation(runs);
  const Quantity training{
      .key = "loss", .title = "Training loss", .unit = kLossUnit, .log_if_wide = true, .smooth = true};
  return draw_quantity(runs, training) +
         draw_quantity(runs, {.key = "eval_loss", .title = "Validation loss, domain", .unit = kLossUnit}) +
         draw_quantity(runs, {.key = "general_loss", .title = "Validation loss, general", .unit = kLossUnit});
}

std::string draw_zones(const Runs& runs, size_t i, bool weight) {
  const RunCurves& run = runs.all[i];
  const std::string what = weight ? "gradient weight" : "tokens";
  return draw(ShareChart{
      .id = fmt::format("chart-zones-{}-{}", weight ? "weight" : "tokens", i),
      .title = fmt::format("Share of {} per loss zone{}", what, runs.alone() ? "" : ": " + name_of(run)),
      .y_label = "share of " + what,
      .names = kZoneNames,
      .points = thin(weight ? run.zone_weight : run.zone_tokens, kMaxShares),
      .steps = runs.steps});
}

// Lines that lie over each other are read by their trend; spikes of the gradient norm are news and stay.
std::string draw_entropy(const Runs& runs) {
  return draw_quantity(runs, {.key = "entropy",
                              .title = "Entropy of the predictions",
                              .unit = kLossUnit,
                              .from_zero = true,
                              .smooth = !runs.alone()});
}

std::string draw_course(const Runs& runs) {
  return draw_quantity(runs, {.key = "grad_norm",
                              .title = "Gradient norm",
                              .unit = "L2 norm before clipping",
                              .from_zero = true,
                              .log_if_wide = true}) +
         draw_quantity(
             runs,
             {.key = "learning_rate", .title = "Learning rate", .unit = "learning rate", .from_zero = true}) +
         draw_quantity(runs, {.key = "tokens_per_s",
                              .title = "Speed",
                              .unit = "tokens per second",
                              .from_zero = true,
                              .smooth = !runs.alone()});
}

std::string group(const std::string& figures) {
  return figures.empty() ? "" : "<div class=\"charts\">\n" + figures + "</div>\n";
}

StepRange range_of(const std::vector<RunCurves>& runs) {
  const double first = runs[0].values.begin()->second.front().x;
  StepRange range{.low = first, .high = first};
  for (const RunCurves& run : runs) {
    for (const auto& [name, curve] : run.values) {
      range.low = std::min(range.low, curve.front().x);
      range.high = std::max(range.high, curve.back().x);
    }
  }
  return range;
}

}  // namespace

std::string draw_charts(const std::vector<RunCurves>& given, std::vector<std::string>& notes) {
  Runs runs;
  std::ranges::copy_if(given, std::back_inserter(runs.all),
                       [](const RunCurves& r) { return !r.values.empty(); });
  if (runs.all.empty()) return {};
  if (runs.all.size() > kInks) {
    notes.push_back(fmt::format("The curves show the first {} of {} runs.", kInks, runs.all.size()));
    runs.all.resize(kInks);
  }
  runs.steps = range_of(runs.all);
  std::string zones;
  for (size_t i = 0; i < runs.all.size(); ++i)
    zones += draw_zones(runs, i, false) + draw_zones(runs, i, true);
  // an even number of charts in each group leaves no holes in two columns
  std::string losses = draw_losses(runs), course = draw_course(runs);
  (runs.alone() ? course : losses) += draw_entropy(runs);
  return group(losses) + group(draw_sources(runs, notes)) + group(draw_monitors(runs)) + group(zones) +
         group(course);
}

}  // namespace keel
