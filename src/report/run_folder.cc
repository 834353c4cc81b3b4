#include "report/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/fs.h"
#include "base/utf8.h"

namespace keel {
namespace {

// What one metrics.jsonl had that could not be drawn.
struct Skipped {
  size_t lines = 0, first_line = 0;
  size_t non_finite = 0;
  double first_step = 0;
  std::string first_name;
};

template <class Points, class Item>
void add(Points& points, Item item) {
  while (!points.empty() && points.back().x >= item.x) points.pop_back();
  points.push_back(std::move(item));
}

bool is_non_finite_name(const Json& value) {
  return value.is_string() && (value == "NaN" || value == "Infinity" || value == "-Infinity");
}

std::optional<Shares> shares_of(double step, const Json& values) {
  if (!values.is_array() || values.size() != 4) return {};
  Shares out{.x = step};
  double sum = 0;
  for (size_t i = 0; i < 4; ++i) {
    if (!values[i].is_number()) return {};
    out.share[i] = std::max(values[i].get<double>(), 0.0);
    sum += out.share[i];
  }
  if (!(sum > 0) || !std::isfinite(sum)) return {};  // a step without a single token of weight
  for (double& share : out.share) share /= sum;
  return out;
}

void add_row(const Json& row, RunCurves& run, Skipped& skipped) {
  const double step = row["step"].get<double>();
  for (const auto& item : row.items()) {
    const Json& value = item.value();
    if (item.key() == "step") continue;
    if (value.is_number()) add(run.values[item.key()], Point{step, value.get<double>()});
    if (is_non_finite_name(value) && skipped.non_finite++ == 0) {
      skipped.first_step = step;
      skipped.first_name = item.key();
    }
  }
  if (row.contains("zone_tokens"))
    if (const auto shares = shares_of(step, row["zone_tokens"])) add(run.zone_tokens, *shares);
  if (row.contains("zone_weight"))
    if (const auto shares = shares_of(step, row["zone_weight"])) add(run.zone_weight, *shares);
}

void add_notes(const Skipped& skipped, const std::string& file, std::vector<std::string>& notes) {
  if (skipped.lines > 0)
    notes.push_back(
        fmt::format("{}: skipped {} (the first is line {}); a run that was killed leaves one.", file,
                    skipped.lines == 1 ? "1 broken line" : fmt::format("{} broken lines", skipped.lines),
                    skipped.first_line));
  if (skipped.non_finite > 0)
    notes.push_back(
        fmt::format("{}: {} not finite and left out of the curves (the first is {} at step {:.0f}).", file,
                    skipped.non_finite == 1 ? "1 value is" : fmt::format("{} values are", skipped.non_finite),
                    skipped.first_name, skipped.first_step));
}

RunCurves read_metrics(const fs::path& path, const std::string& name, std::vector<std::string>& notes) {
  const std::string text = read_text(path);
  RunCurves run{.name = name};
  Skipped skipped;
  std::string_view rest = text;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json row = Json::parse(line, nullptr, false);
    if (row.is_object() && row.contains("step") && row["step"].is_number())
      add_row(row, run, skipped);
    else if (skipped.lines++ == 0)
      skipped.first_line = number;
  }
  add_notes(skipped, name.empty() ? "metrics.jsonl" : name + "/metrics.jsonl", notes);
  return run;
}

Json read_summary(const fs::path& path) {
  Json summary = parse_json(repair_utf8(read_text(path)), path.string());
  if (!summary.is_object())
    throw UserError({.where = path.string(),
                     .found = std::string("its top level is of type ") + summary.type_name(),
                     .wanted = "a JSON object with title, verdict, tables, samples, …",
                     .hint = "write it again with the command that made the run"});
  return summary;
}

std::vector<std::string> arm_names(const fs::path& run_dir) {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(run_dir, ec)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.ends_with(".part")) continue;
    if (fs::is_regular_file(entry.path() / "metrics.jsonl", ec)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void add_config(const fs::path& path, const std::string& name, RunFolder& folder) {
  std::error_code ec;
  if (fs::is_regular_file(path, ec)) folder.configs.emplace_back(name, read_text(path));
}

[[noreturn]] void refuse(const fs::path& run_dir, const std::string& found) {
  throw UserError(
      {.where = run_dir.string(),
       .found = found,
       .wanted = "a run folder: one with summary.json or metrics.jsonl, or with sub-folders that have one",
       .hint = "give the output_dir of a run"});
}

}  // namespace

const Curve& RunCurves::at(const std::string& key) const {
  static const Curve kNone;
  const auto found = values.find(key);
  return found == values.end() ? kNone : found->second;
}

std::vector<std::string> evaluated_sources(const std::vector<RunCurves>& runs) {
  std::set<std::string> names;
  for (const RunCurves& run : runs) {
    for (const auto& [key, curve] : run.values)
      if (key.starts_with(kSourceLoss)) names.insert(key.substr(std::string_view(kSourceLoss).size()));
  }
  return {names.begin(), names.end()};
}

RunFolder read_run_folder(const fs::path& run_dir) {
  std::error_code ec;
  if (!fs::is_directory(run_dir, ec))
    refuse(run_dir, fs::exists(run_dir, ec) ? "not a folder" : "no such folder");
  const bool summary = fs::is_regular_file(run_dir / "summary.json", ec);
  const bool metrics = fs::is_regular_file(run_dir / "metrics.jsonl", ec);
  const std::vector<std::string> arms = arm_names(run_dir);
  if (!summary && !metrics && arms.empty()) refuse(run_dir, "holds neither summary.json nor metrics.jsonl");

  RunFolder folder{.name = fs::weakly_canonical(run_dir, ec).filename().string(), .summary = Json::object()};
  if (summary) folder.summary = read_summary(run_dir / "summary.json");
  if (metrics) folder.runs.push_back(read_metrics(run_dir / "metrics.jsonl", "", folder.notes));
  for (const char* name : {"config.yaml", "plan.yaml"}) add_config(run_dir / name, name, folder);
  for (const std::string& arm : arms) {
    folder.runs.push_back(read_metrics(run_dir / arm / "metrics.jsonl", arm, folder.notes));
    add_config(run_dir / arm / "config.yaml", arm + "/config.yaml", folder);
  }
  return folder;
}

}  // namespace keel
