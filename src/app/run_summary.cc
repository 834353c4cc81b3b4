#include "app/run_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

#include "base/fs.h"
#include "base/log.h"
#include "base/names.h"
#include "config/red_lines.h"
#include "corpus/rejection.h"
#include "eval/paired.h"
#include "report/html.h"

namespace keel {
namespace {

constexpr size_t kFewestRows = 8;  // under which an interval means nothing

std::string change(const std::optional<double>& before, const std::optional<double>& after) {
  if (!before || !after) return "–";
  return fmt::format("{:.4f} → {:.4f} ({:+.1f} %)", *before, *after, 100 * (*after - *before) / *before);
}

Json facts_of(const RunConfig& config, const RunData& data, const TrainSummary& s) {
  Json facts{
      {"model", config.model.model_name_or_path},
      {"tuning", config.model.finetuning_type},
      {"token weighting", config.loss.token_weighting},
      {"training samples", data.train.examples.size()},
      {"data hash", data.train.hash},
      {"steps", fmt::format("{} of {}", s.steps, s.total_steps)},
      {"tokens per second", fmt::format("{:.0f} ({:.0f} supervised)", s.tokens_per_s, s.supervised_per_s)},
      {"training time", format_duration(s.seconds)},
      {"peak memory", fmt::format("{:.2f} GB", s.peak_memory_gb)},
      {"ended", s.ended}};
  if (s.quarantined > 0) facts["rows left out (quarantine.jsonl)"] = s.quarantined;
  if (s.skipped > 0) facts["updates left out"] = s.skipped;
  if (s.monitor_seconds > 0)
    facts["monitors"] = fmt::format("{}, {:.1f} % of the training time", format_duration(s.monitor_seconds),
                                    100 * s.monitor_seconds / s.seconds);
  facts.update(version_facts());
  return facts;
}

// What programs read; the facts are for people.
Json figures_of(const TrainSummary& s) {
  return {{"steps", s.steps},
          {"tokens", s.tokens},
          {"supervised_tokens", s.supervised},
          {"seconds", s.seconds},
          {"tokens_per_s", s.tokens_per_s},
          {"ended", s.ended}};
}

// A monitor as people read it; the name behind it is the one of metrics.jsonl and gates.
std::string monitor_title(const std::string& name) {
  static const std::map<std::string, std::string> titles = {
      {"kl_domain", "KL from the model as it was, domain"},
      {"kl_general", "KL from the model as it was, general text"},
      {"train_rows_loss", "loss per token of training rows"},
      {"train_gap", "domain loss above that of training rows"},
      {"rep4", "answers to fixed prompts: repetition"},
      {"end_of_turn", "answers to fixed prompts: end by themselves"},
      {"copied", "answers to fixed prompts: copied from a training reply"},
      {"probe_accuracy", "general questions: right choices"}};
  return fmt::format("{} ({})", titles.at(name), name);
}

std::string four_digits(double v) {
  return fmt::format("{:.4f}", std::abs(v) < 5e-5 ? 0.0 : v);  // no "-0.0000"
}

// A line of "Before and after".
Json measure_row(const std::string& name, const std::optional<double>& before,
                 const std::optional<double>& after, const std::string& interval = "") {
  const auto cell = [](const std::optional<double>& v) { return v ? four_digits(*v) : "–"; };
  const bool both = before && after;
  return {name, cell(before), cell(after), both ? fmt::format("{:+.4f}", *after - *before) : "–", interval};
}

// 95 %, of the change of the mean loss; rows are drawn, each with what it had before.
std::string interval_of(const RowLosses& before, const RowLosses& after) {
  if (after.size() < kFewestRows || before.size() != after.size()) return "";
  Stratum rows;
  for (size_t i = 0; i < after.size(); ++i) {
    if (before[i].tokens != after[i].tokens) return "";  // a resumed run has other data
    if (!std::isfinite(before[i].nll) || !std::isfinite(after[i].nll)) return "";
    if (after[i].tokens > 0)
      rows.pairs.push_back({before[i].nll, after[i].nll, static_cast<double>(after[i].tokens)});
  }
  if (rows.pairs.size() < kFewestRows) return "";
  const Interval found = bootstrap_interval(std::span(&rows, 1));
  return fmt::format("{:+.4f} to {:+.4f}", found.low, found.high);
}

Json before_and_after(const TrainSummary& s) {
  Json rows = Json::array();
  const auto was = [](const std::map<std::string, double>& all, const std::string& name) {
    const auto found = all.find(name);  // missing where a resumed run has other data
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
  if (s.before.domain)
    rows.push_back(measure_row("domain, loss per token", s.before.domain, s.after.domain,
                               interval_of(s.before.domain_rows, s.after.domain_rows)));
  for (const auto& [source, nll] : s.after.by_source)
    rows.push_back(measure_row(source + ", loss per token", was(s.before.by_source, source), nll));
  if (s.before.general)
    rows.push_back(measure_row("general, loss per token", s.before.general, s.after.general,
                               interval_of(s.before.general_rows, s.after.general_rows)));
  if (s.before.kl)
    rows.push_back(
        measure_row("KL from the model as it was, per token of its own text", s.before.kl, s.after.kl));
  for (const auto& [name, value] : s.after.monitors)
    rows.push_back(measure_row(monitor_title(name), was(s.before.monitors, name), value));
  rows.push_back(measure_row("training loss, first and last step", s.first_loss, s.last_loss));
  const bool any = std::ranges::any_of(rows, [](const Json& row) { return row[4] != ""; });
  return {
      {"title", "Before and after"},
      {"columns", {"", "before", "after", "change", "95 % interval"}},
      {"rows", rows},
      {"note",
       any ? "Interval of the change: rows are drawn anew 10,000 times, each with both of its losses." : ""}};
}

// What rejected.jsonl holds, by reason.
Json rejected_table(const fs::path& file) {
  std::vector<Rejection> rejections;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    try {
      rejections.push_back(rejection_from(Json::parse(line)));
    } catch (const Json::exception&) {  // a kill has cut the last line, or someone has edited the file
    }
  }
  Json rows = Json::array();
  for (const RejectedFor& reason : by_reason(rejections))
    rows.push_back({reason.text, reason.count, join(reason.places)});
  return {{"title", "Rows that could not be used (rejected.jsonl)"},
          {"columns", {"reason", "rows", "first of them"}},
          {"rows", rows}};
}

Json tables_of(const RunRecord& run) {
  Json tables = Json::array({before_and_after(run.training)});
  if (!run.interpolation.models.empty()) tables.push_back(run.interpolation.table());
  Json rejected = rejected_table(fs::path(run.config.train.output_dir) / "rejected.jsonl");
  if (!rejected["rows"].empty()) tables.push_back(std::move(rejected));
  return tables;
}

std::vector<std::string> crossed_lines(const RunConfig& config, const TrainSummary& s) {
  if (s.ended == kInterrupted) return {};
  std::vector<ErrorText> told_before;
  return crossed(red_lines(config.protection.gates, "gates", told_before), s.before.row(), s.after.row());
}

std::string verdict_of(const TrainSummary& s, std::span<const std::string> crossed) {
  std::string out =
      fmt::format("The run {}.", s.ended == "finished" ? "finished" : "ended before its plan: " + s.ended);
  if (s.before.domain) out += fmt::format(" Domain loss {}.", change(s.before.domain, s.after.domain));
  if (s.before.general) out += fmt::format(" General loss {}.", change(s.before.general, s.after.general));
  if (!s.before.domain)
    out += " Nothing was held out, so this run cannot say what was learned: set val_size or eval_dataset.";
  for (const std::string& line : crossed) out += fmt::format(" RED LINE crossed: {}.", line);
  return out;
}

}  // namespace

RunVerdict judge(const RunConfig& config, const TrainSummary& s, const Interpolation& interpolation) {
  RunVerdict out{.crossed = crossed_lines(config, s), .text = {}};
  out.text = verdict_of(s, out.crossed) + interpolation.sentence();
  return out;
}

void write_summary(const RunRecord& run) {
  const TrainSummary& s = run.training;
  const fs::path run_dir = run.config.train.output_dir;
  const Json summary{
      {"title", fmt::format("{} on {}", run.config.model.model_name_or_path, join(run.data.train.sources))},
      {"verdict", run.verdict.text},
      {"red_lines_crossed", run.verdict.crossed},
      {"command", fmt::format("keel train {} --output_dir NEW_FOLDER", (run_dir / "config.yaml").string())},
      {"warnings", s.warnings},
      {"facts", facts_of(run.config, run.data, s)},
      {"tables", tables_of(run)},
      {"figures", figures_of(s)},
      {"losses", {{"before", s.before.row()}, {"after", s.after.row()}}},
      {"samples", run.samples.to_json()}};
  write_file(run_dir / "summary.json", summary.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_report(run_dir);
}

}  // namespace keel
