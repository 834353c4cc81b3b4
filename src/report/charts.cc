#include "report/charts.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/svg_plot.h"

namespace keel {
namespace {

constexpr size_t kMaxPoints = 400;   // of a drawn curve
constexpr size_t kMaxShares = 150;   // of a drawn area
constexpr double kSmoothing = 0.02;  // half-life of the smoothed curve as a part of all points
constexpr const char* kLossUnit = "nats per token";

const std::array<std::string, 4> kZoneNames{"loss ≤ 1.45", "1.45–6.6", "6.6–15", "≥ 15"};

Curve smoothed(const Curve& curve) {
  return thin(smooth(curve, std::max(1.0, kSmoothing * static_cast<double>(curve.size()))), kMaxPoints);
}

std::string name_of(const RunCurves& run) { return run.name.empty() ? "this run" : run.name; }

// The same quantity of every run; one ink a run, in the order of the folders.
struct Quantity {
  std::string key, title, unit;
  bool from_zero = false, log_if_wide = false, smooth = false;
};

std::string draw_quantity(const std::vector<RunCurves>& runs, const Quantity& q) {
  LineChart chart{.id = "chart-" + q.key,
                  .title = q.title,
                  .y_label = q.unit,
                  .lines = {},
                  .from_zero = q.from_zero,
                  .log_if_wide = q.log_if_wide};
  for (size_t i = 0; i < runs.size(); ++i) {
    const Curve& curve = runs[i].at(q.key);
    const std::string name = runs.size() == 1 ? q.title : name_of(runs[i]);
    chart.lines.push_back({.name = name,
                           .points = q.smooth ? smoothed(curve) : thin(curve, kMaxPoints),
                           .ink = static_cast<int>(i)});
  }
  return draw(chart);
}

std::string draw_own_loss(const RunCurves& run) {
  const Curve& loss = run.at("loss");
  return draw(LineChart{.id = "chart-loss",
                        .title = "Training loss",
                        .y_label = kLossUnit,
                        .lines = {{.name = "each step", .points = thin(loss, kMaxPoints), .faint = true},
                                  {.name = "smoothed", .points = smoothed(loss)}},
                        .log_if_wide = true});
}

std::string draw_own_validation(const RunCurves& run) {
  return draw(LineChart{
      .id = "chart-validation",
      .title = "Validation loss",
      .y_label = kLossUnit,
      .lines = {{.name = "domain", .points = thin(run.at("eval_loss"), kMaxPoints)},
                {.name = "general", .points = thin(run.at("general_loss"), kMaxPoints), .ink = 1}}});
}

std::string draw_zones(const std::vector<RunCurves>& runs, bool weight) {
  std::string out;
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string of = runs.size() == 1 ? "" : ": " + name_of(runs[i]);
    const std::string what = weight ? "gradient weight" : "tokens";
    out += draw(ShareChart{.id = fmt::format("chart-zones-{}-{}", weight ? "weight" : "tokens", i),
                           .title = fmt::format("Share of {} per loss zone{}", what, of),
                           .y_label = "share of " + what,
                           .names = kZoneNames,
                           .points = thin(weight ? runs[i].zone_weight : runs[i].zone_tokens, kMaxShares)});
  }
  return out;
}

bool has_curves(const RunCurves& run) { return !run.values.empty(); }

}  // namespace

std::string draw_charts(const std::vector<RunCurves>& given, std::vector<std::string>& notes) {
  std::vector<RunCurves> runs;
  std::ranges::copy_if(given, std::back_inserter(runs), has_curves);
  if (runs.empty()) return {};
  if (runs.size() > kInks) {
    notes.push_back(fmt::format("The curves show the first {} of {} runs.", kInks, runs.size()));
    runs.resize(kInks);
  }
  std::string out;
  if (runs.size() == 1) {
    out += draw_own_loss(runs[0]) + draw_own_validation(runs[0]);
  } else {
    out += draw_quantity(runs, {"loss", "Training loss, smoothed", kLossUnit, false, true, true});
    out += draw_quantity(runs, {"eval_loss", "Validation loss, domain", kLossUnit});
    out += draw_quantity(runs, {"general_loss", "Validation loss, general", kLossUnit});
  }
  out += draw_zones(runs, false) + draw_zones(runs, true);
  for (const Quantity& q : {Quantity{"entropy", "Entropy of the predictions", kLossUnit, true},
                            Quantity{"grad_norm", "Gradient norm", "L2 norm before clipping", true, true},
                            Quantity{"learning_rate", "Learning rate", "learning rate", true},
                            Quantity{"tokens_per_s", "Speed", "tokens per second", true}})
    out += draw_quantity(runs, q);
  return out;
}

}  // namespace keel
