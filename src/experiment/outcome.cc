#include "experiment/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/names.h"

namespace keel {
namespace {

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : ""; }

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// The column of a scale: "general loss" becomes general_loss.
std::string column(std::string name) {
  std::ranges::replace(name, ' ', '_');
  return name;
}

// Measured after training only; the base's stand in the report.
std::vector<Scale> further_scales(std::span<const ProbeResult> base) {
  std::vector<Scale> out;
  for (const Series& s : series_of(base))
    if (s.measure == "acc") out.push_back({"acc " + s.dimension, "acc", s.dimension});
  out.push_back({"rep4", "rep4", "total"});
  out.push_back({"end of turn", "stops", "total"});
  return out;
}

std::string head_of(std::span<const Scale> judged, std::span<const Scale> further) {
  std::vector<std::string> names{"arm", "learning_rate", "seed"};
  for (const Scale& scale : judged)
    for (const char* when : {"_before", "_after"}) names.push_back(quoted(column(scale.name) + when));
  for (const Scale& scale : further) names.push_back(quoted(column(scale.name)));
  for (const char* name : {"steps", "supervised_tokens", "tokens_per_s", "seconds", "ended"})
    names.emplace_back(name);
  return join(names, ",");
}

double mean_change(const Scale& scale, std::span<const ProbeResult> base,
                   std::span<const RunOutcome* const> runs) {
  double sum = 0;
  for (const RunOutcome* run : runs) {
    if (run->sick()) return std::numeric_limits<double>::quiet_NaN();
    sum += scale.better_by(value_of(scale, run->results) - value_of(scale, base));
  }
  return sum / static_cast<double>(runs.size());
}

}  // namespace

std::string results_csv(const Scales& scales, std::span<const ProbeResult> base,
                        std::span<const RunOutcome> runs) {
  std::vector<Scale> judged{scales.domain};
  judged.insert(judged.end(), scales.general.begin(), scales.general.end());
  const std::vector<Scale> further = further_scales(base);
  std::string out = head_of(judged, further) + "\n";
  for (const RunOutcome& run : runs) {
    const auto after = [&](const Scale& s) { return run.sick() ? "" : cell(value_of(s, run.results)); };
    std::vector<std::string> cells{quoted(run.arm), fmt::format("{}", run.rate), std::to_string(run.seed)};
    for (const Scale& scale : judged) {
      cells.push_back(cell(value_of(scale, base)));
      cells.push_back(after(scale));
    }
    for (const Scale& scale : further) cells.push_back(after(scale));
    cells.insert(cells.end(), {std::to_string(run.steps), std::to_string(run.tokens), cell(run.tokens_per_s),
                               cell(run.seconds), quoted(run.ended)});
    out += join(cells, ",") + "\n";
  }
  return out;
}

std::vector<RatePoint> rate_points(const Scales& scales, std::span<const ProbeResult> base,
                                   std::span<const RunOutcome> runs) {
  std::vector<std::string> arms;
  std::vector<RatePoint> points;
  for (const RunOutcome& run : runs) {
    if (std::ranges::find(arms, run.arm) == arms.end()) arms.push_back(run.arm);
    const auto found = std::ranges::find_if(
        points, [&](const RatePoint& p) { return p.arm == run.arm && p.rate == run.rate; });
    RatePoint& point = found == points.end() ? points.emplace_back(RatePoint{run.arm, run.rate, {}}) : *found;
    point.runs.push_back(&run);
  }
  for (RatePoint& point : points) {
    point.learned = mean_change(scales.domain, base, point.runs);
    point.forgot = -mean_change(scales.general.front(), base, point.runs);
  }
  std::ranges::stable_sort(points, [&](const RatePoint& a, const RatePoint& b) {
    const auto place = [&](const RatePoint& p) { return std::ranges::find(arms, p.arm) - arms.begin(); };
    return std::pair(place(a), a.rate) < std::pair(place(b), b.rate);
  });
  return points;
}

}  // namespace keel
